//! What sets find, and that stored ones are checked.

use super::*;
use proptest::prelude::*;

fn literal(bytes: &[u8], is_nocase: bool, id: u32) -> Literal<'_> {
    Literal {
        bytes,
        is_nocase,
        id,
    }
}

fn found(set: &LiteralSet, data: &[u8]) -> Vec<(u32, usize)> {
    let mut hits = Vec::new();
    set.scan(data, &mut Scratch::new(), |id, end| {
        hits.push((id, end));
        true
    })
    .unwrap();
    hits.sort_unstable();
    hits
}

fn check(literals: &[Literal<'_>], data: &[u8], expected: &[(u32, usize)]) {
    let set = LiteralSet::compile(literals).unwrap();
    assert_eq!(found(&set, data), expected, "{data:?}");
    let again = LiteralSet::deserialize(&set.serialize().unwrap()).unwrap();
    assert_eq!(found(&again, data), expected, "stored, {data:?}");
}

#[test]
fn finds_each_literal_once() {
    check(&[literal(b"abc", false, 7)], b"xabcabc", &[(7, 4)]);
    check(&[literal(b"abc", false, 7)], b"xABC", &[]);
    check(&[literal(b"abc", true, 7)], b"xABC", &[(7, 4)]);
    check(&[literal(b"a", false, 1)], b"bba", &[(1, 3)]);
    check(
        &[literal(b"\0", false, 1), literal(b"\0\n", false, 2)],
        b"a\0\n",
        &[(1, 2), (2, 3)],
    );
    check(&[literal(b"a.*", false, 1)], b"abba a.*", &[(1, 8)]);
    check(&[], b"anything", &[]);
    check(&[literal(b"abc", false, 7)], b"", &[]);
}

#[test]
fn finds_equal_literals_under_each_id() {
    check(
        &[literal(b"pear", false, 3), literal(b"pear", true, 9)],
        b"pear",
        &[(3, 4), (9, 4)],
    );
}

#[test]
fn one_scratch_serves_many_sets() {
    let mut scratch = Scratch::new();
    let sets: Vec<_> = (0..70_u32)
        .map(|n| {
            let text = format!("needle{n};");
            LiteralSet::compile(&[literal(text.as_bytes(), false, n)]).unwrap()
        })
        .collect();
    for _ in 0..2 {
        for (n, set) in sets.iter().enumerate() {
            let mut hits = 0;
            let data = format!("hay needle{n}; hay");
            set.scan(data.as_bytes(), &mut scratch, |_, _| {
                hits += 1;
                true
            })
            .unwrap();
            assert_eq!(hits, 1);
        }
    }
}

#[test]
fn stops_when_told() {
    let set = LiteralSet::compile(&[literal(b"a", false, 1), literal(b"b", false, 2)]).unwrap();
    let mut hits = 0;
    set.scan(b"ab", &mut Scratch::new(), |_, _| {
        hits += 1;
        false
    })
    .unwrap();
    assert_eq!(hits, 1);
}

#[test]
fn refuses_literals_that_vectorscan_does_not_know() {
    assert_eq!(
        LiteralSet::compile(&[literal(b"", false, 4)]).unwrap_err(),
        Error::EmptyLiteral { id: 4 }
    );
    let long = vec![b'a'; MAX_LITERAL_LEN + 1];
    assert!(matches!(
        LiteralSet::compile(&[literal(&long, false, 4)]),
        Err(Error::LongLiteral { id: 4, .. })
    ));
}

#[test]
fn refuses_every_damaged_copy() {
    let set = LiteralSet::compile(&[literal(b"pear", true, 1), literal(b"fig", false, 2)]).unwrap();
    let stored = set.serialize().unwrap();
    for len in 0..stored.len() {
        assert!(
            LiteralSet::deserialize(&stored[..len]).is_err(),
            "cut to {len}"
        );
    }
    for at in 0..stored.len() {
        if (16..24).contains(&at) {
            continue; // the count is only told, never used
        }
        let mut damaged = stored.clone();
        damaged[at] ^= 0x10;
        assert!(
            LiteralSet::deserialize(&damaged).is_err(),
            "changed at {at}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn finds_what_a_plain_search_finds(
        needles in proptest::collection::vec(proptest::collection::vec(b'a'..=b'c', 1..5), 1..20),
        hay in proptest::collection::vec(b'a'..=b'c', 0..200),
    ) {
        let literals: Vec<_> =
            needles.iter().enumerate().map(|(n, bytes)| literal(bytes, false, n as u32)).collect();
        let set = LiteralSet::compile(&literals).unwrap();
        let expected: Vec<(u32, usize)> = needles
            .iter()
            .enumerate()
            .filter_map(|(n, needle)| {
                let at = hay.windows(needle.len()).position(|window| window == needle)?;
                Some((n as u32, at + needle.len()))
            })
            .collect();
        let hits: Vec<u32> = found(&set, &hay).into_iter().map(|(id, _)| id).collect();
        let ids: Vec<u32> = expected.into_iter().map(|(id, _)| id).collect();
        prop_assert_eq!(hits, ids);
    }
}
