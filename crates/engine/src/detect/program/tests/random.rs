//! Random programs: against a search that tries everything, and against hostile bytes.

use super::*;
use proptest::prelude::*;

/// A content of the model: absolute or relative limits, positive.
#[derive(Clone, Debug)]
struct Simple {
    bytes: Vec<u8>,
    relative: bool,
    /// Offset or distance.
    from: u8,
    /// Depth or within.
    room: Option<u8>,
}

impl Simple {
    fn content(&self) -> PayloadMatch {
        let bytes = String::from_utf8(self.bytes.clone()).unwrap();
        let (from, room) = if self.relative {
            ("distance", "within")
        } else {
            ("offset", "depth")
        };
        let mut text = format!("{bytes}; {from} {}", self.from);
        if let Some(more) = self.room {
            text += &format!("; {room} {}", usize::from(more) + self.bytes.len());
        }
        content(&text)
    }

    /// Ends of all places where it may lie.
    fn ends<'a>(&'a self, data: &'a [u8], cursor: usize) -> impl Iterator<Item = usize> + 'a {
        let base = if self.relative { cursor } else { 0 } + usize::from(self.from);
        let room = self
            .room
            .map_or(usize::MAX, |more| usize::from(more) + self.bytes.len());
        (base..data.len())
            .filter(move |start| data[*start..].starts_with(&self.bytes))
            .map(|start| start + self.bytes.len())
            .filter(move |end| *end <= base.saturating_add(room))
    }
}

fn try_everything(contents: &[Simple], data: &[u8], cursor: usize) -> bool {
    let Some((first, rest)) = contents.split_first() else {
        return true;
    };
    first
        .ends(data, cursor)
        .any(|end| try_everything(rest, data, end))
}

fn letters(len: std::ops::Range<usize>) -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(
        prop_oneof![3 => Just(b'a'), 2 => Just(b'b'), 1 => Just(b'c')],
        len,
    )
}

fn simple() -> impl Strategy<Value = Simple> {
    (
        letters(1..3),
        any::<bool>(),
        0u8..4,
        proptest::option::of(0u8..6),
    )
        .prop_map(|(bytes, relative, from, room)| Simple {
            bytes,
            relative,
            from,
            room,
        })
}

fn any_step() -> impl Strategy<Value = PayloadMatch> {
    let number = -5i64..30;
    let value = prop_oneof![
        number.clone().prop_map(Value::Number),
        (0u8..3).prop_map(Value::Variable)
    ];
    let encoding = prop_oneof![
        Just(rule::Encoding::BigEndian),
        Just(rule::Encoding::LittleEndian),
        Just(rule::Encoding::Digits(10)),
        Just(rule::Encoding::Digits(0)),
    ];
    let limits = proptest::array::uniform4(proptest::option::of(value.clone()));
    prop_oneof![
        (letters(1..4), limits, any::<[bool; 3]>()).prop_map(|(bytes, limits, flags)| {
            let [offset, depth, distance, within] = limits;
            let [is_negated, is_at_end, is_nocase] = flags;
            let PayloadMatch::Content(plain) = content("a") else {
                unreachable!()
            };
            PayloadMatch::Content(rule::Content {
                bytes,
                offset,
                depth,
                distance,
                within,
                is_negated,
                is_at_end,
                is_nocase,
                ..plain
            })
        }),
        (
            proptest::sample::select(vec!["a*b", "^c", "(a|b)+$", "a*", ""]),
            any::<bool>(),
            any::<bool>()
        )
            .prop_map(|(pattern, relative, negated)| pcre(pattern, relative, negated)),
        (value.clone(), any::<bool>(), any::<bool>()).prop_map(|(at, is_relative, is_negated)| {
            PayloadMatch::IsDataAt {
                at,
                is_relative,
                is_negated,
            }
        }),
        (0u8..9, number.clone(), 0u8..3, any::<bool>())
            .prop_map(|(bytes, offset, variable, r)| { extract(bytes, offset, variable, r) }),
        (
            value.clone(),
            value.clone(),
            value,
            any::<[bool; 4]>(),
            encoding
        )
            .prop_map(|(bytes, offset, post_offset, flags, encoding)| {
                let [is_relative, is_aligned, from_beginning, from_end] = flags;
                PayloadMatch::ByteJump(rule::ByteJump {
                    bytes,
                    offset,
                    is_relative,
                    encoding,
                    multiplier: 3,
                    is_aligned,
                    from_beginning,
                    from_end,
                    post_offset,
                    bitmask: 0xf0,
                })
            }),
        (0u32..9, 0u32..9, any::<bool>()).prop_map(|(bytes, offset, is_relative)| {
            PayloadMatch::Base64Decode {
                bytes: Some(bytes),
                offset,
                is_relative,
            }
        }),
    ]
}

proptest! {
    #[test]
    fn finds_what_trying_everything_finds(
        contents in proptest::collection::vec(simple(), 1..5),
        data in letters(0..24),
    ) {
        let compiled = program(contents.iter().map(Simple::content).collect());
        let found = compiled.matches(&data, &mut Inspection::default());
        prop_assert_eq!(found, try_everything(&contents, &data, 0));
    }

    #[test]
    fn no_program_breaks_on_any_bytes(
        steps in proptest::collection::vec(any_step(), 1..6),
        data in proptest::collection::vec(prop_oneof![Just(b'a'), Just(b'1'), any::<u8>()], 0..64),
        part in 0u64..100,
        is_end: bool,
    ) {
        let compiled = program(steps);
        let mut cx = Inspection::default();
        cx.set_part(part, is_end);
        let mut are_inside = true;
        let first = compiled.explain(&data, &mut cx, |_, data, marks| {
            for mark in marks {
                are_inside &= mark.start <= mark.end && mark.end as usize <= data.len();
            }
        });
        prop_assert!(are_inside);
        cx.begin_rule();
        cx.variables.fill(0);
        let mut fresh = Inspection::default();
        fresh.set_part(part, is_end);
        prop_assert_eq!(compiled.matches(&data, &mut fresh), first);
    }
}
