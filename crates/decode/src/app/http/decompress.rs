//! Content codings, taken out layer by layer with a ceiling on what may come out.
//!
//! Senders lie about codings and browsers forgive it, so a layer that does not fit its name is
//! tried as the others before its bytes are passed on as they are. Plain text often begins like
//! deflate: a coding that was guessed must fit more than the first few bytes.

use super::gzip::{GzipHeader, HeaderStep};
use super::lzma::{Unpacked, unpack};
use brotli_decompressor::{BrotliResult, BrotliState, StandardAlloc};
use flate2::{Decompress, FlushDecompress, Status};

/// Bytes put out at once.
const PIECE: usize = 8192;

/// Bytes gathered of a layer that does not fit its name before its coding is guessed. Text that is
/// taken for deflate breaks within a few dozen bytes.
const GUESS_LEN: usize = 256;

/// Growth beyond which output is a bomb, once it is larger than the configured limit.
const BOMB_RATIO: u64 = 2048;

/// Most bytes put out of one body whatever its ratio: the work of about a tenth of a second, which
/// is the time libhtp grants.
const MAX_OUTPUT: u64 = 64 << 20;

/// Most bytes gathered of a body in LZMA, and most bytes that it gives.
const MAX_LZMA_INPUT: usize = 1 << 20;
const MAX_LZMA_OUTPUT: usize = 4 << 20;

/// A content coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Gzip,
    /// RFC 1951, which is what most senders mean by `deflate`.
    Deflate,
    /// RFC 1950.
    Zlib,
    Brotli,
    Lzma,
}

enum Engine {
    Gzip(GzipHeader, Box<Decompress>),
    Deflate(Box<Decompress>),
    Brotli(Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>),
    /// The bytes are gathered until all are there.
    Lzma(Vec<u8>),
    /// The bytes are gathered until there are enough to guess their coding.
    Guess(Vec<u8>),
    /// The bytes go on as they are.
    Passed,
    /// What comes is dropped: the stream broke after it had put something out.
    Ended,
}

/// What one step of an engine did.
struct Progress {
    consumed: usize,
    produced: usize,
    is_end: bool,
    /// The stream ends because it makes no sense from here on.
    is_broken: bool,
}

impl Engine {
    fn new(coding: Coding) -> Self {
        match coding {
            Coding::Gzip => Engine::Gzip(GzipHeader::default(), Box::new(Decompress::new(false))),
            Coding::Deflate => Engine::Deflate(Box::new(Decompress::new(false))),
            Coding::Zlib => Engine::Deflate(Box::new(Decompress::new(true))),
            Coding::Brotli => Engine::Brotli(Box::new(BrotliState::new(
                StandardAlloc::default(),
                StandardAlloc::default(),
                StandardAlloc::default(),
            ))),
            Coding::Lzma => Engine::Lzma(Vec::new()),
        }
    }

    /// None where the bytes do not belong to the coding.
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Option<Progress> {
        match self {
            Engine::Gzip(header, inner) => match header.step(input) {
                HeaderStep::Taken(consumed) => Some(Progress {
                    consumed,
                    produced: 0,
                    is_end: false,
                    is_broken: false,
                }),
                HeaderStep::Done => inflate(inner, input, output),
                HeaderStep::Wrong => None,
            },
            Engine::Deflate(inner) => inflate(inner, input, output),
            Engine::Brotli(state) => brotli(state, input, output),
            Engine::Guess(_) => None,
            Engine::Lzma(gathered) => {
                let room = MAX_LZMA_INPUT.saturating_sub(gathered.len());
                gathered.extend_from_slice(input.get(..room).unwrap_or(input));
                Some(Progress {
                    consumed: input.len(),
                    produced: 0,
                    is_end: false,
                    is_broken: false,
                })
            }
            Engine::Passed => {
                let len = input.len().min(output.len());
                output.get_mut(..len)?.copy_from_slice(input.get(..len)?);
                Some(Progress {
                    consumed: len,
                    produced: len,
                    is_end: false,
                    is_broken: false,
                })
            }
            Engine::Ended => Some(Progress {
                consumed: input.len(),
                produced: 0,
                is_end: false,
                is_broken: false,
            }),
        }
    }
}

fn inflate(inner: &mut Decompress, input: &[u8], output: &mut [u8]) -> Option<Progress> {
    let (before_in, before_out) = (inner.total_in(), inner.total_out());
    let status = inner.decompress(input, output, FlushDecompress::Sync);
    let consumed = usize::try_from(inner.total_in() - before_in).ok()?;
    let produced = usize::try_from(inner.total_out() - before_out).ok()?;
    match status {
        Ok(status) => Some(Progress {
            consumed,
            produced,
            is_end: status == Status::StreamEnd,
            is_broken: false,
        }),
        // What came out before the break is still good.
        Err(_) if produced > 0 => Some(Progress {
            consumed: input.len(),
            produced,
            is_end: true,
            is_broken: true,
        }),
        Err(_) => None,
    }
}

fn brotli(
    state: &mut BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>,
    input: &[u8],
    output: &mut [u8],
) -> Option<Progress> {
    let (mut left_in, mut consumed) = (input.len(), 0);
    let (mut left_out, mut produced, mut total) = (output.len(), 0, 0);
    let result = brotli_decompressor::BrotliDecompressStream(
        &mut left_in,
        &mut consumed,
        input,
        &mut left_out,
        &mut produced,
        output,
        &mut total,
        state,
    );
    match result {
        BrotliResult::ResultFailure => None,
        BrotliResult::ResultSuccess => Some(Progress {
            consumed,
            produced,
            is_end: true,
            is_broken: false,
        }),
        BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => Some(Progress {
            consumed,
            produced,
            is_end: false,
            is_broken: false,
        }),
    }
}

/// What a layer is in whose bytes don't fit `named`: the first coding that fits all of `sample`.
fn guess(named: Coding, sample: &[u8]) -> Engine {
    let others = match named {
        Coding::Gzip | Coding::Brotli | Coding::Lzma => {
            [Coding::Deflate, Coding::Zlib, Coding::Gzip]
        }
        Coding::Deflate => [Coding::Zlib, Coding::Gzip, Coding::Deflate],
        Coding::Zlib => [Coding::Gzip, Coding::Deflate, Coding::Zlib],
    };
    others
        .into_iter()
        .find(|coding| *coding != named && fits(*coding, sample))
        .map_or(Engine::Passed, Engine::new)
}

/// Whether `sample` may be the start of a stream in `coding` and gives something.
fn fits(coding: Coding, sample: &[u8]) -> bool {
    let mut engine = Engine::new(coding);
    let mut output = [0u8; PIECE];
    let (mut at, mut total) = (0, 0);
    loop {
        let input = sample.get(at..).unwrap_or_default();
        let Some(progress) = engine.step(input, &mut output).filter(|p| !p.is_broken) else {
            return false;
        };
        at += progress.consumed;
        total += progress.produced;
        let is_stuck = progress.consumed == 0 && progress.produced == 0;
        if is_stuck || progress.is_end || at >= sample.len() {
            return total > 0;
        }
    }
}

struct Layer {
    coding: Coding,
    engine: Engine,
    /// Whether it ever put something out.
    has_output: bool,
}

impl Layer {
    fn new(coding: Coding) -> Self {
        Layer {
            coding,
            engine: Engine::new(coding),
            has_output: false,
        }
    }

    /// The bytes don't fit the coding: what came out stands, or another coding is looked for.
    fn on_misfit(&mut self) {
        self.engine = if self.has_output {
            Engine::Ended
        } else {
            Engine::Guess(Vec::new())
        };
    }
}

impl std::fmt::Debug for Layer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Layer")
            .field("coding", &self.coding)
            .finish_non_exhaustive()
    }
}

/// The codings of one body, outermost last, as `Content-Encoding` names them.
#[derive(Debug, Default)]
pub(super) struct Chain {
    layers: Vec<Layer>,
    bomb_limit: u64,
    total_in: u64,
    total_out: u64,
    is_bomb: bool,
}

/// Whether output may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Fine,
    /// More came out than any honest sender packs: no more will.
    Bomb,
}

impl Chain {
    pub(super) fn new(bomb_limit: u64) -> Self {
        Chain {
            bomb_limit,
            ..Chain::default()
        }
    }

    /// Adds the coding that was applied next.
    pub(super) fn push(&mut self, coding: Coding) {
        self.layers.push(Layer::new(coding));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }

    /// The body is over: gives what could only be unpacked whole. `dictionary_limit` is the memory
    /// that LZMA may take; false where a stream wanted more.
    pub(super) fn finish(&mut self, dictionary_limit: usize, sink: &mut dyn FnMut(&[u8])) -> bool {
        let mut is_granted = true;
        for at in (0..self.layers.len()).rev() {
            let Some((layer, inner)) = self
                .layers
                .get_mut(..=at)
                .and_then(<[Layer]>::split_last_mut)
            else {
                continue;
            };
            if let Engine::Guess(held) = &mut layer.engine {
                let held = std::mem::take(held);
                layer.engine = guess(layer.coding, &held);
                let layers = self.layers.get_mut(..=at).unwrap_or_default();
                run_layers(layers, &held, &mut |piece| {
                    sink(piece);
                    true
                });
                continue;
            }
            let Engine::Lzma(gathered) = &mut layer.engine else {
                continue;
            };
            let gathered = std::mem::take(gathered);
            let unpacked = match unpack(&gathered, dictionary_limit, MAX_LZMA_OUTPUT) {
                Unpacked::Bytes(bytes) => bytes,
                Unpacked::TooLarge => {
                    is_granted = false;
                    gathered
                }
                Unpacked::Wrong => gathered,
            };
            layer.engine = Engine::Ended;
            for piece in unpacked.chunks(PIECE) {
                run_layers(inner, piece, &mut |piece| {
                    sink(piece);
                    true
                });
            }
        }
        is_granted
    }

    /// Takes `data` through all layers and hands what comes out to `sink`, piece by piece.
    pub(super) fn run(&mut self, data: &[u8], sink: &mut dyn FnMut(&[u8])) -> Verdict {
        if self.is_bomb {
            return Verdict::Fine;
        }
        self.total_in = self.total_in.saturating_add(data.len() as u64);
        let (total_in, limit) = (self.total_in, self.bomb_limit);
        let total_out = &mut self.total_out;
        let mut guarded = |piece: &[u8]| {
            *total_out = total_out.saturating_add(piece.len() as u64);
            sink(piece);
            let is_bomb = *total_out > limit && *total_out > total_in.saturating_mul(BOMB_RATIO);
            !(is_bomb || *total_out > MAX_OUTPUT)
        };
        if run_layers(&mut self.layers, data, &mut guarded) {
            Verdict::Fine
        } else {
            self.is_bomb = true;
            Verdict::Bomb
        }
    }
}

/// False where the sink wants no more.
fn run_layers(layers: &mut [Layer], data: &[u8], sink: &mut dyn FnMut(&[u8]) -> bool) -> bool {
    let Some((layer, inner)) = layers.split_last_mut() else {
        return data.is_empty() || sink(data);
    };
    let gathered;
    let mut data = data;
    if let Engine::Guess(held) = &mut layer.engine {
        held.extend_from_slice(data);
        if held.len() < GUESS_LEN {
            return true;
        }
        gathered = std::mem::take(held);
        layer.engine = guess(layer.coding, gathered.get(..PIECE).unwrap_or(&gathered));
        data = &gathered;
    }
    let mut output = [0u8; PIECE];
    let mut at = 0;
    loop {
        let input = data.get(at..).unwrap_or_default();
        let Some(progress) = layer.engine.step(input, &mut output) else {
            layer.on_misfit();
            if layer.has_output {
                continue;
            }
            // The other codings get all of what this call brought.
            return run_layers(layers, data, sink);
        };
        at += progress.consumed;
        let piece = output.get(..progress.produced).unwrap_or_default();
        if !piece.is_empty() {
            layer.has_output = true;
            if !run_layers(inner, piece, sink) {
                return false;
            }
        }
        if progress.is_end {
            // What stands behind the end of a stream is nothing that browsers show.
            layer.engine = Engine::Ended;
        }
        let is_stuck = progress.consumed == 0 && progress.produced == 0;
        if is_stuck || (at >= data.len() && progress.produced < PIECE) {
            return true;
        }
    }
}

#[cfg(test)]
mod tests;
