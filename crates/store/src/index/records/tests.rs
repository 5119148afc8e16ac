use super::*;
use proptest::prelude::*;

fn id(number: u64) -> RecordId {
    RecordId::from_bytes(
        u128::from(number)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
            .to_be_bytes(),
    )
}

#[test]
fn records_come_back_by_row_and_by_id() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("records");
    let mut appender = Appender::open(&path, 0).unwrap();
    for row in 0..5000 {
        appender
            .push(row * 2, id(row), &format!("record {row}"), None)
            .unwrap();
    }
    appender.flush(None).unwrap();
    let len = appender.sync().unwrap();
    let records = Records::open(&path).unwrap();
    records.follow(len).unwrap();
    for row in [0, 1, 2500, 4999] {
        let expected = (id(row), format!("record {row}"));
        assert_eq!(records.get(row * 2, None).unwrap(), Some(expected));
        assert_eq!(records.row_of(id(row)).unwrap(), Some(row * 2));
        assert_eq!(records.get(row * 2 + 1, None).unwrap(), None);
    }
    assert_eq!(records.row_of(id(5000)).unwrap(), None);
}

#[test]
fn what_stands_behind_the_last_commit_is_cut_off() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("records");
    let mut appender = Appender::open(&path, 0).unwrap();
    appender.push(0, id(0), "kept", None).unwrap();
    appender.flush(None).unwrap();
    let len = appender.sync().unwrap();
    appender.push(1, id(1), "never committed", None).unwrap();
    appender.flush(None).unwrap();
    let mut appender = Appender::open(&path, len).unwrap();
    appender.push(1, id(2), "the next", None).unwrap();
    appender.flush(None).unwrap();
    let len = appender.sync().unwrap();
    let records = Records::open(&path).unwrap();
    records.follow(len).unwrap();
    assert_eq!(
        records.get(1, None).unwrap(),
        Some((id(2), "the next".into()))
    );
}

#[test]
fn damaged_bytes_are_told_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("records");
    let mut appender = Appender::open(&path, 0).unwrap();
    appender.push(0, id(0), &"text ".repeat(100), None).unwrap();
    appender.flush(None).unwrap();
    let good = std::fs::read(&path).unwrap();
    for place in 0..good.len() {
        let mut bad = good.clone();
        bad[place] ^= 0x10;
        std::fs::write(&path, &bad).unwrap();
        let records = Records::open(&path).unwrap();
        let got = records
            .follow(good.len() as u64)
            .and_then(|()| records.get(0, None));
        assert!(got.is_err(), "byte {place}: {got:?}");
    }
}

proptest! {
    #[test]
    fn any_records_come_back(
        texts in prop::collection::vec((0u64..3, any::<u128>(), ".{0,40}"), 1..60),
        level in 1i32..4,
        as_columns: bool,
    ) {
        let mut block = Pending::default();
        let mut pushed = Vec::new();
        let mut row = 0;
        for (gap, id, text) in &texts {
            row += 1 + gap;
            let id = RecordId::from_bytes(id.to_be_bytes());
            block.push(row, id, text);
            pushed.push((row, id, text.clone()));
        }
        let (head, bytes) = block.write(level, as_columns, None).unwrap();
        let read = Head::read(bytes.first_chunk().unwrap(), 0).unwrap();
        prop_assert_eq!(&read, &head);
        let back = Block::read(&read, &bytes[HEAD_LEN..]).unwrap();
        let mut found = Vec::new();
        back.each(|_| true, None, |row, id, text| found.push((row, id, text.to_owned()))).unwrap();
        prop_assert_eq!(found, pushed);
    }

    #[test]
    fn any_bytes_are_no_block_or_a_block(bytes in prop::collection::vec(any::<u8>(), 92..400)) {
        if let Some(head) = Head::read(bytes.first_chunk().unwrap(), 0) {
            let block = Block::read(&head, &bytes[92..]);
            block.and_then(|block| block.each(|_| true, None, |_, _, _| {}));
        }
    }
}

const HEAD_LEN: usize = block::HEAD;
