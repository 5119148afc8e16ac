//! The messages of one flow: datagrams, or a stream of messages each behind its length.

use super::probe::{Framed, tcp};
use super::transaction::{DnsTransaction, Kind, Variant};
use crate::app::{Context, Outcome, Parser, Transaction, Transactions};
use event::Direction;

/// The conversation of one flow.
pub(super) struct DnsParser {
    variant: Variant,
    txs: Transactions<DnsTransaction>,
    streams: [Stream; 2],
}

/// What is kept of one direction of a TCP connection.
#[derive(Default)]
struct Stream {
    /// The start of a message: at most its length and 65,535 bytes.
    partial: Vec<u8>,
    /// Whether bytes were lost and the start of a message is to be found again.
    is_lost: bool,
}

/// Makes no sense: ends the parsing of the flow.
struct Nonsense;

impl DnsParser {
    pub(super) fn new(variant: Variant) -> Self {
        DnsParser {
            variant,
            txs: Transactions::default(),
            streams: Default::default(),
        }
    }

    /// Takes a message. False where it is none.
    fn message(&mut self, direction: Direction, message: &[u8]) -> bool {
        let sender = match direction {
            Direction::ToServer => Kind::Request,
            Direction::ToClient => Kind::Response,
        };
        let id = self.txs.range().end;
        match DnsTransaction::read(id, self.variant, sender, message) {
            Ok(tx) => {
                self.txs.open(|_| tx);
                true
            }
            Err(refused) => {
                if let (Some(event), Some(tx)) = (refused.event(), self.txs.last_mut()) {
                    tx.add_event(event);
                }
                false
            }
        }
    }

    fn stream(&mut self, direction: Direction, data: &[u8]) -> Result<(), Nonsense> {
        let stream = &mut self.streams[usize::from(direction)];
        if stream.partial.is_empty() && !stream.is_lost {
            let rest = self.messages(direction, data)?;
            self.streams[usize::from(direction)]
                .partial
                .extend_from_slice(rest);
            return Ok(());
        }
        stream.partial.extend_from_slice(data);
        let held = std::mem::take(&mut stream.partial);
        if stream.is_lost {
            match tcp(&held) {
                Framed::Message(_) => stream.is_lost = false,
                Framed::TooShort => {
                    stream.partial = held;
                    return Ok(());
                }
                Framed::Other => return Ok(()),
            }
        }
        let rest = self.messages(direction, &held)?.len();
        let mut held = held;
        held.drain(..held.len() - rest);
        self.streams[usize::from(direction)].partial = held;
        Ok(())
    }

    /// Takes all whole messages of `data` and gives the start of the next.
    fn messages<'a>(
        &mut self,
        direction: Direction,
        mut data: &'a [u8],
    ) -> Result<&'a [u8], Nonsense> {
        while let Some((len, rest)) = data.split_first_chunk::<2>() {
            let len = usize::from(u16::from_be_bytes(*len));
            let Some((message, rest)) = rest.split_at_checked(len) else {
                break;
            };
            if len > 0 && !self.message(direction, message) {
                return Err(Nonsense);
            }
            data = rest;
        }
        Ok(data)
    }
}

impl Parser for DnsParser {
    fn on_data(&mut self, cx: &Context, direction: Direction, data: &[u8]) -> Outcome {
        if cx.is_udp {
            // A broken datagram says nothing about the next one.
            self.message(direction, data);
            return Outcome::Taken;
        }
        match self.stream(direction, data) {
            Ok(()) => Outcome::Taken,
            Err(Nonsense) => Outcome::Failed,
        }
    }

    fn on_gap(&mut self, _cx: &Context, direction: Direction, _len: u64) -> Outcome {
        let stream = &mut self.streams[usize::from(direction)];
        stream.partial.clear();
        stream.is_lost = true;
        Outcome::Taken
    }

    fn tx_range(&self) -> std::ops::Range<u64> {
        self.txs.range()
    }

    fn tx(&self, id: u64) -> Option<&dyn Transaction> {
        self.txs.get(id).map(|tx| tx as &dyn Transaction)
    }

    fn tx_mut(&mut self, id: u64) -> Option<&mut dyn Transaction> {
        self.txs.get_mut(id).map(|tx| tx as &mut dyn Transaction)
    }

    fn drop_tx(&mut self, id: u64) {
        self.txs.drop(id);
    }
}
