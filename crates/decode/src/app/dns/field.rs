//! The names and numbers of a message that rules look at.

use super::message::{Message, Rdata, Record};
use super::name::Name;
use super::transaction::{DnsTransaction, Kind, Variant};
use event::{Buffer, Number};

/// The `index`-th name of `buffer`. A list ends at its first empty name: the root's.
pub(super) fn name(tx: &DnsTransaction, buffer: Buffer, index: usize) -> Option<Name> {
    let message = &tx.message;
    let is_response = tx.kind == Kind::Response;
    let is_multicast = tx.variant == Variant::Multicast;
    match buffer {
        Buffer::DnsQuery if !is_response => query(message, index),
        Buffer::DnsQueryName | Buffer::DnsQueriesRrname => query(message, index),
        Buffer::MdnsQueriesRrname if !is_response => query(message, index),
        Buffer::DnsAnswerName | Buffer::DnsAnswersRrname => owner(&message.answers, index),
        Buffer::MdnsAnswersRrname if is_multicast => owner(&message.answers, index),
        Buffer::DnsAuthoritiesRrname | Buffer::MdnsAuthoritiesRrname if is_response => {
            owner(&message.authorities, index)
        }
        Buffer::DnsAdditionalsRrname | Buffer::MdnsAdditionalsRrname if is_response => {
            owner(&message.additionals, index)
        }
        Buffer::DnsResponseRrname | Buffer::MdnsResponseRrname if is_response => {
            all_names(message).nth(index)
        }
        _ => None,
    }
    .filter(|name| !name.of(&message.bytes).is_empty())
}

fn query(message: &Message, index: usize) -> Option<Name> {
    let queries = message.queries.get(..=index)?;
    queries.last().map(|query| query.name)
}

fn owner(records: &[Record], index: usize) -> Option<Name> {
    records.get(index).map(|record| record.name)
}

/// Every name of a response that stands for a host or a zone: questions, then owners and data of
/// the records. Each section ends at its first empty name.
fn all_names(message: &Message) -> impl Iterator<Item = Name> {
    let named = |name: &Name| !name.of(&message.bytes).is_empty();
    let queries = message
        .queries
        .iter()
        .map(|query| query.name)
        .take_while(named);
    let sections = [&message.answers, &message.authorities, &message.additionals];
    let records = sections.into_iter().flat_map(move |section| {
        section
            .iter()
            .take_while(move |record| named(&record.name))
            .flat_map(move |record| {
                [Some(record.name), named_in(&record.data).filter(named)]
                    .into_iter()
                    .flatten()
            })
    });
    queries.chain(records)
}

fn named_in(data: &Rdata) -> Option<Name> {
    match data {
        Rdata::Name(name) | Rdata::Authority { primary: name, .. } => Some(*name),
        Rdata::Address(_)
        | Rdata::Texts(_)
        | Rdata::Null(_)
        | Rdata::Service { .. }
        | Rdata::KeyFingerprint { .. }
        | Rdata::Options(_)
        | Rdata::Other(_) => None,
    }
}

/// A number of the header, or the type of the `index`-th question or answer.
pub(super) fn number(tx: &DnsTransaction, number: Number, index: usize) -> Option<u16> {
    let message = &tx.message;
    match (number, tx.kind) {
        (Number::DnsOpcode, _) => (index == 0).then(|| message.header.opcode()),
        (Number::DnsRcode, _) => (index == 0).then(|| message.header.rcode()),
        (Number::DnsRrtype, Kind::Request) => message.queries.get(index).map(|query| query.rrtype),
        (Number::DnsRrtype, Kind::Response) => {
            message.answers.get(index).map(|answer| answer.rrtype)
        }
        _ => None,
    }
}
