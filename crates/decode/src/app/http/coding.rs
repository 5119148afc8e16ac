//! Which codings a body is in, by its `Content-Encoding`.

use super::decompress::{Chain, Coding};
use super::text::equals_nocase_nozero;
use super::transaction::HttpTx;
use event::Direction::{self, ToServer};

/// LZMA layers in one body; more are a bomb.
const MAX_LZMA_LAYERS: u32 = 1;

/// What one word of `Content-Encoding` means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    Coding(Coding),
    /// A word for no coding at all.
    Plain,
    /// A coding in a spelling that browsers understand.
    Odd(Coding),
    Unknown,
}

/// Sets up what takes the codings of the body in `direction` out.
pub(super) fn set_up(tx: &mut HttpTx, direction: Direction) {
    let config = tx.settings.server.decompress;
    if direction == ToServer && !config.requests {
        return;
    }
    let Some(value) = tx.message(direction).headers.get(b"content-encoding") else {
        return;
    };
    let mut chain = Chain::new(config.bomb_limit);
    let mut oddities: [Option<&'static str>; 2] = [None, None];
    match single(value) {
        Some(Word::Coding(coding)) => add(&mut chain, coding, config.lzma),
        Some(_) => {}
        None => {
            let (mut layers, mut lzma_layers) = (0, 0);
            for word in value
                .split(|b| matches!(b, b',' | b' '))
                .filter(|word| !word.is_empty())
            {
                layers += 1;
                if config.layer_limit != 0 && layers > config.layer_limit {
                    oddities[0] = Some("too_many_encoding_layers");
                    break;
                }
                match one_of_many(word) {
                    Word::Coding(Coding::Lzma) => {
                        lzma_layers += 1;
                        if lzma_layers > MAX_LZMA_LAYERS {
                            oddities[0] = Some(match direction {
                                ToServer => "request_too_many_lzma_layers",
                                Direction::ToClient => "response_too_many_lzma_layers",
                            });
                            break;
                        }
                        add(&mut chain, Coding::Lzma, config.lzma);
                    }
                    Word::Coding(coding) => add(&mut chain, coding, config.lzma),
                    Word::Odd(coding) => {
                        oddities[1] = Some("abnormal_ce_header");
                        add(&mut chain, coding, config.lzma);
                    }
                    Word::Plain => {}
                    Word::Unknown => oddities[1] = Some("abnormal_ce_header"),
                }
            }
        }
    }
    for name in oddities.into_iter().flatten() {
        tx.events.raise(name, direction);
    }
    tx.message_mut(direction).chain = chain;
}

fn add(chain: &mut Chain, coding: Coding, takes_lzma: bool) {
    // LZMA that is not to be taken out is passed on as it is, like no coding.
    if coding != Coding::Lzma || takes_lzma {
        chain.push(coding);
    }
}

/// A value that is one known word.
fn single(value: &[u8]) -> Option<Word> {
    const WORDS: [(&[u8], Word); 8] = [
        (b"gzip", Word::Coding(Coding::Gzip)),
        (b"x-gzip", Word::Coding(Coding::Gzip)),
        (b"deflate", Word::Coding(Coding::Deflate)),
        (b"x-deflate", Word::Coding(Coding::Deflate)),
        (b"lzma", Word::Coding(Coding::Lzma)),
        (b"br", Word::Coding(Coding::Brotli)),
        (b"inflate", Word::Plain),
        (b"none", Word::Plain),
    ];
    WORDS
        .iter()
        .find(|(word, _)| equals_nocase_nozero(value, word))
        .map(|(_, meaning)| *meaning)
}

fn one_of_many(word: &[u8]) -> Word {
    let has = |text: &[u8]| {
        word.windows(text.len())
            .any(|part| part.eq_ignore_ascii_case(text))
    };
    match word {
        b"gzip" | b"x-gzip" => Word::Coding(Coding::Gzip),
        b"deflate" | b"x-deflate" => Word::Coding(Coding::Deflate),
        b"lzma" => Word::Coding(Coding::Lzma),
        b"br" => Word::Coding(Coding::Brotli),
        b"inflate" | b"none" => Word::Plain,
        _ if has(b"gzip") => Word::Odd(Coding::Gzip),
        _ if has(b"deflate") => Word::Odd(Coding::Deflate),
        _ => Word::Unknown,
    }
}
