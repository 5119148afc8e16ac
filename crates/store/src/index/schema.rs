//! The columns of a slice, from the list of known fields.
//!
//! What is matched as a whole stands in columns alone: a column knows its values in order, so a
//! segment without a value is passed over at once, and one with it is scanned some hundred million
//! rows a second. Only texts for people have lists of documents for each word, without positions
//! where phrases can be checked on the values of a column.

use tantivy::Index;
use tantivy::schema::{
    DateOptions, DateTimePrecision, IndexRecordOption, IpAddrOptions, JsonObjectOptions,
    NumericOptions, Schema, TextFieldIndexing, TextOptions,
};
use tantivy::tokenizer::{TextAnalyzer, Token, TokenStream, Tokenizer};

use crate::fields::{FIELDS, Field, Kind, Place};
use crate::query::words;

/// The column of the event's own time.
pub const TIME: &str = "@timestamp";
/// The column of row numbers.
pub const ROW: &str = "_row";
/// The field of all that is not known: strings, whatever their type was.
pub const REST: &str = "_rest";
/// What the column of a text's whole value is called behind its path.
pub const TWIN: &str = ".keyword";
/// The name of the tokenizer of texts.
const WORDS: &str = "words";

/// The schema of new slices.
#[must_use]
pub fn schema() -> Schema {
    let mut builder = Schema::builder();
    let whole = TextOptions::default().set_fast(None);
    builder.add_u64_field(ROW, NumericOptions::default().set_fast());
    builder.add_date_field(TIME, time());
    for Field {
        path,
        kind,
        is_counted,
        ..
    } in FIELDS
    {
        match kind {
            Kind::Keyword => {
                builder.add_text_field(path, whole.clone());
            }
            Kind::Text => {
                // Without a column of whole values, the order of words stands in positions.
                let option = if *is_counted {
                    IndexRecordOption::Basic
                } else {
                    IndexRecordOption::WithFreqsAndPositions
                };
                let words = TextFieldIndexing::default()
                    .set_tokenizer(WORDS)
                    .set_index_option(option)
                    .set_fieldnorms(false);
                builder.add_text_field(path, TextOptions::default().set_indexing_options(words));
                if *is_counted {
                    builder.add_text_field(&format!("{path}{TWIN}"), whole.clone());
                }
            }
            Kind::I64 => {
                builder.add_i64_field(path, NumericOptions::default().set_fast());
            }
            Kind::F64 => {
                builder.add_f64_field(path, NumericOptions::default().set_fast());
            }
            Kind::Bool => {
                builder.add_bool_field(path, NumericOptions::default().set_fast());
            }
            Kind::Ip => {
                builder.add_ip_addr_field(path, IpAddrOptions::default().set_fast());
            }
            Kind::Time => {
                builder.add_date_field(path, time());
            }
        }
    }
    let rest = JsonObjectOptions::default()
        .set_fast(None)
        .set_expand_dots_enabled();
    builder.add_json_field(REST, rest);
    builder.build()
}

/// EVE's times have microseconds; a column keeps what it is given, and takes no bits for zeros at its end.
fn time() -> DateOptions {
    DateOptions::default()
        .set_fast()
        .set_precision(DateTimePrecision::Nanoseconds)
}

/// Tells an index how texts are split, also one that only reads.
pub fn register(index: &Index) {
    index
        .tokenizers()
        .register(WORDS, TextAnalyzer::from(Words::default()));
}

/// Splits texts as queries do.
#[derive(Clone, Default)]
struct Words {
    token: Token,
}

/// The words of one text.
struct Stream<'a> {
    words: Box<dyn Iterator<Item = String> + 'a>,
    token: &'a mut Token,
}

impl Tokenizer for Words {
    type TokenStream<'a> = Stream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Stream<'a> {
        self.token.reset();
        Stream {
            words: Box::new(words(text)),
            token: &mut self.token,
        }
    }
}

impl TokenStream for Stream<'_> {
    fn advance(&mut self) -> bool {
        let Some(word) = self.words.next() else {
            return false;
        };
        self.token.text = word;
        self.token.position = self.token.position.wrapping_add(1);
        true
    }

    fn token(&self) -> &Token {
        self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        self.token
    }
}

/// The column that holds the values of a path as wholes; none where there is none.
#[must_use]
pub fn column(path: &str, place: Place) -> Option<String> {
    match place {
        Place::Time => Some(TIME.to_owned()),
        Place::Known(field) if field.kind == Kind::Text => {
            field.is_counted.then(|| format!("{}{TWIN}", field.path))
        }
        Place::Known(field) => Some(field.path.to_owned()),
        Place::Twin(field) => Some(format!("{}{TWIN}", field.path)),
        Place::Rest => Some(format!("{REST}.{path}")),
        Place::Id | Place::Silent => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_splits_texts_as_queries_do() {
        let index = Index::create_in_ram(schema());
        register(&index);
        let mut analyzer = index.tokenizers().get(WORDS).unwrap();
        let mut stream = analyzer.token_stream("ET MALWARE Win32/Agent.x (42)");
        let mut found = Vec::new();
        while let Some(token) = stream.next() {
            found.push((token.text.clone(), token.position));
        }
        let expected = ["et", "malware", "win32", "agent", "x", "42"];
        let expected: Vec<_> = expected.into_iter().map(str::to_owned).zip(0..).collect();
        assert_eq!(found, expected);
    }
}
