use super::*;

static NONE: [u64; 256] = [0; 256];

fn at(data: &[u8], cursor: usize) -> Place<'_> {
    Place {
        data,
        cursor,
        dce_little_endian: true,
        variables: &NONE,
    }
}

fn check_digits(field: &[u8], base: u8, expected: Option<(u64, usize)>) {
    assert_eq!(digits(field, base), expected, "{field:?} {base}");
}

#[test]
fn reads_digits_as_c_does() {
    check_digits(b"12", 10, Some((12, 2)));
    check_digits(b" \t12x", 10, Some((12, 4)));
    check_digits(b"-1", 10, Some((u64::MAX, 2)));
    check_digits(b"+7", 8, Some((7, 2)));
    check_digits(b"0x1f", 16, Some((31, 4)));
    check_digits(b"1f", 16, Some((31, 2)));
    check_digits(b"0xz", 16, Some((0, 1)));
    check_digits(b"0x10", 0, Some((16, 4)));
    check_digits(b"010", 0, Some((8, 3)));
    check_digits(b"10", 0, Some((10, 2)));
    check_digits(b"01777777777777777777777", 8, Some((u64::MAX, 23)));
    check_digits(b"18446744073709551616", 10, None);
    check_digits(b"x", 10, None);
    check_digits(b"-", 10, None);
    check_digits(b"", 10, None);
    check_digits(b"8", 8, None);
}

#[test]
fn no_count_of_digits_means_all_there_are() {
    let less = ByteTest {
        bytes: Value::Number(0),
        operator: Operator::Less,
        value: Value::Number(200),
        encoding: Encoding::Digits(10),
        ..byte_test()
    };
    let check = |data: &[u8], expected| assert_eq!(test(&less, at(data, 0)), expected, "{data:?}");
    check(b"70", true);
    check(b"700", false);
    check(b"70;700", true);
    check(b"", false);
    check(&[b'0'; 100], true);
}

fn byte_test() -> ByteTest {
    ByteTest {
        bytes: Value::Number(2),
        operator: Operator::Equal,
        is_negated: false,
        value: Value::Number(0x0102),
        offset: Value::Number(0),
        is_relative: false,
        encoding: Encoding::BigEndian,
        bitmask: 0,
    }
}

#[test]
fn compares_in_every_encoding() {
    let big = byte_test();
    assert!(test(&big, at(&[1, 2], 0)));
    assert!(!test(&big, at(&[2, 1], 0)));
    assert!(!test(&big, at(&[1], 0)));
    assert!(test(
        &ByteTest {
            encoding: Encoding::LittleEndian,
            ..big.clone()
        },
        at(&[2, 1], 0)
    ));
    assert!(test(
        &ByteTest {
            encoding: Encoding::Dce,
            ..big.clone()
        },
        at(&[2, 1], 0)
    ));
    assert!(test(
        &ByteTest {
            is_relative: true,
            ..big.clone()
        },
        at(&[9, 1, 2], 1)
    ));
    assert!(!test(
        &ByteTest {
            is_relative: true,
            ..big.clone()
        },
        at(&[9, 1, 2], 3)
    ));
    assert!(!test(
        &ByteTest {
            is_negated: true,
            ..big.clone()
        },
        at(&[1, 2], 0)
    ));
    let masked = ByteTest {
        bitmask: 0xff00,
        value: Value::Number(1),
        ..big.clone()
    };
    assert!(test(&masked, at(&[1, 2], 0)));
    let text = ByteTest {
        encoding: Encoding::Digits(10),
        value: Value::Number(42),
        ..big
    };
    assert!(test(&text, at(b"42", 0)));
}

fn byte_jump() -> ByteJump {
    ByteJump {
        bytes: Value::Number(1),
        offset: Value::Number(0),
        is_relative: false,
        encoding: Encoding::BigEndian,
        multiplier: 1,
        is_aligned: false,
        from_beginning: false,
        from_end: false,
        post_offset: Value::Number(0),
        bitmask: 0,
    }
}

#[test]
fn jumps_only_within_the_buffer() {
    let plain = byte_jump();
    let data = [2, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(jump(&plain, at(&data, 0)), Some(3));
    assert_eq!(
        jump(
            &ByteJump {
                multiplier: 3,
                ..plain.clone()
            },
            at(&data, 0)
        ),
        Some(7)
    );
    assert_eq!(
        jump(
            &ByteJump {
                multiplier: 4,
                ..plain.clone()
            },
            at(&data, 0)
        ),
        None
    );
    assert_eq!(
        jump(
            &ByteJump {
                is_aligned: true,
                ..plain.clone()
            },
            at(&data, 0)
        ),
        Some(5)
    );
    assert_eq!(
        jump(
            &ByteJump {
                from_beginning: true,
                ..plain.clone()
            },
            at(&data, 0)
        ),
        Some(2)
    );
    let back = ByteJump {
        post_offset: Value::Number(-9),
        ..plain.clone()
    };
    assert_eq!(jump(&back, at(&data, 0)), Some(0));
    let tail = ByteJump {
        bytes: Value::Number(0),
        from_end: true,
        post_offset: Value::Number(-3),
        ..plain
    };
    assert_eq!(jump(&tail, at(&data, 0)), Some(5));
}

#[test]
fn computes_without_overflow() {
    let plain = ByteMath {
        bytes: Value::Number(1),
        offset: 0,
        operator: MathOperator::Divide,
        value: Value::Number(0),
        variable: 0,
        name: String::new(),
        is_relative: false,
        encoding: Encoding::BigEndian,
        bitmask: 0,
    };
    assert_eq!(math(&plain, at(&[6], 0)), None);
    let check = |operator, value, expected| {
        let math_of = ByteMath {
            operator,
            value: Value::Number(value),
            ..plain.clone()
        };
        assert_eq!(math(&math_of, at(&[6], 0)), Some((expected, 1)));
    };
    check(MathOperator::Divide, 4, 1);
    check(MathOperator::Add, 4, 10);
    check(MathOperator::Subtract, 7, u64::MAX);
    check(MathOperator::Multiply, 4, 24);
    check(MathOperator::ShiftLeft, 1, 12);
    check(MathOperator::ShiftLeft, 64, 0);
    check(MathOperator::ShiftRight, 1, 3);
}
