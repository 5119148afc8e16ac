//! Keywords that read numbers in a buffer: `byte_test`, `byte_jump`, `byte_extract`, `byte_math`,
//! and those about its length: `isdataat`, `bsize`, `base64_decode`, `entropy`.

use super::numbers::{compare, compare_float, signed, unsigned, upto};
use super::{content::negated, parts};
use crate::builder::Builder;
use crate::rule::{
    ByteExtract, ByteJump, ByteMath, ByteTest, Encoding, MathOperator, Operator, PayloadMatch,
    Value,
};

/// Most digits of a number in text, as in Suricata: 2^64 in octal.
const MAX_DIGITS: u64 = 23;

/// Options that the byte keywords share, and what is left of the list.
#[derive(Default)]
struct Shared<'a> {
    is_relative: bool,
    endian: Option<Encoding>,
    is_string: bool,
    base: Option<u8>,
    is_dce: bool,
    bitmask: u32,
    rest: Vec<&'a str>,
}

impl<'a> Shared<'a> {
    fn read(items: impl Iterator<Item = &'a str>) -> Result<Self, String> {
        let mut shared = Shared::default();
        for item in items {
            match item {
                "relative" => shared.is_relative = true,
                "big" | "little" => {
                    if shared.endian.is_some() {
                        return Err(
                            "the order of bytes is told twice; keep `big` or `little`".to_owned()
                        );
                    }
                    shared.endian = Some(if item == "big" {
                        Encoding::BigEndian
                    } else {
                        Encoding::LittleEndian
                    });
                }
                "dce" => shared.is_dce = true,
                "string" => shared.is_string = true,
                "hex" => shared.base = Some(16),
                "dec" => shared.base = Some(10),
                "oct" => shared.base = Some(8),
                _ => match item.strip_prefix("bitmask") {
                    Some(mask) => {
                        shared.bitmask = hexadecimal(mask.trim())
                            .filter(|&mask| mask > 0)
                            .ok_or_else(|| {
                                format!("bitmask `{}` is no number up to 0xffffffff", mask.trim())
                            })?;
                    }
                    None => shared.rest.push(item),
                },
            }
        }
        Ok(shared)
    }

    fn encoding(&self) -> Result<Encoding, String> {
        if self.is_dce && (self.endian.is_some() || self.is_string || self.base.is_some()) {
            return Err(
                "`dce` tells the encoding by itself; remove big, little, string and its base"
                    .to_owned(),
            );
        }
        if self.is_dce {
            return Ok(Encoding::Dce);
        }
        if self.is_string {
            return Ok(Encoding::Digits(self.base.unwrap_or(10)));
        }
        if self.base.is_some() {
            return Err(
                "hex, dec and oct are for numbers in text; write `string` before them".to_owned(),
            );
        }
        Ok(self.endian.unwrap_or(Encoding::BigEndian))
    }

    fn nothing_left(&self) -> Result<(), String> {
        match self.rest.first() {
            Some(item) => Err(format!("option `{item}` is not known here")),
            None => Ok(()),
        }
    }
}

fn hexadecimal(text: &str) -> Option<u32> {
    let hex = text
        .strip_prefix("0x")
        .or_else(|| text.strip_prefix("0X"))
        .unwrap_or(text);
    u32::from_str_radix(hex, 16).ok()
}

fn is_list_of_known(item: &str) -> bool {
    matches!(
        item,
        "relative" | "big" | "little" | "dce" | "string" | "hex" | "dec" | "oct"
    )
}

/// Whether as many bytes can make a number in that encoding.
fn check_width(bytes: &Value, encoding: Encoding, max_binary: i64) -> Result<(), String> {
    let Value::Number(n) = *bytes else {
        return Ok(());
    };
    let max = match encoding {
        Encoding::Digits(8) => MAX_DIGITS as i64,
        Encoding::Digits(10) => 20,
        Encoding::Digits(_) => 14,
        _ => max_binary,
    };
    if !(0..=max).contains(&n) {
        return Err(format!(
            "{n} bytes cannot be read as one number here; at most {max} can"
        ));
    }
    Ok(())
}

pub(super) fn byte_test(b: &mut Builder<'_>, value: &str) -> Result<(), String> {
    let items: Vec<&str> = parts(value, ',').collect();
    let [bytes, operator, number, offset, options @ ..] = items.as_slice() else {
        return Err(
            "byte_test needs bytes, operator, value and offset: byte_test:4,>,100,0".to_owned(),
        );
    };
    let shared = Shared::read(options.iter().copied())?;
    shared.nothing_left()?;
    let at = b.place(shared.is_relative);
    let encoding = shared.encoding()?;
    let (operator, is_negated) = negated(operator);
    let operator = match operator {
        "=" => Operator::Equal,
        "" if is_negated => Operator::Equal,
        "<" => Operator::Less,
        ">" => Operator::Greater,
        "<=" => Operator::LessOrEqual,
        ">=" => Operator::GreaterOrEqual,
        "&" => Operator::And,
        "^" => Operator::Xor,
        _ => {
            return Err(format!(
                "`{operator}` is no operator; write one of < > <= >= = & ^ with ! before it to negate"
            ));
        }
    };
    let bytes = b.value(bytes, "byte_test", Some(at))?;
    check_width(&bytes, encoding, 8)?;
    // Of digits, 0 means as many as there are.
    if bytes == Value::Number(0) && !matches!(encoding, Encoding::Digits(_)) {
        return Err("byte_test of 0 bytes tests nothing".to_owned());
    }
    let test = ByteTest {
        bytes,
        operator,
        is_negated,
        value: b.value(number, "byte_test", Some(at))?,
        offset: b.value(offset, "byte_test", Some(at))?,
        is_relative: shared.is_relative,
        encoding,
        bitmask: shared.bitmask,
    };
    dce_wanted(b, encoding, "byte_test");
    b.push(at, PayloadMatch::ByteTest(test))
}

fn dce_wanted(b: &mut Builder<'_>, encoding: Encoding, keyword: &str) {
    if encoding == Encoding::Dce {
        b.want(
            &[event::AppProtocol::Dcerpc, event::AppProtocol::Smb],
            keyword,
        );
    }
}

pub(super) fn byte_jump(b: &mut Builder<'_>, value: &str) -> Result<(), String> {
    let items: Vec<&str> = parts(value, ',').collect();
    let [bytes, offset, options @ ..] = items.as_slice() else {
        return Err("byte_jump needs bytes and offset: byte_jump:2,0".to_owned());
    };
    let mut shared = Shared::read(options.iter().copied())?;
    let at = b.place(shared.is_relative);
    let encoding = shared.encoding()?;
    let mut jump = ByteJump {
        bytes: b.value(bytes, "byte_jump", Some(at))?,
        offset: b.value(offset, "byte_jump", Some(at))?,
        is_relative: shared.is_relative,
        encoding,
        multiplier: 1,
        is_aligned: false,
        from_beginning: false,
        from_end: false,
        post_offset: Value::Number(0),
        bitmask: shared.bitmask,
    };
    check_width(&jump.bytes, encoding, 8)?;
    for item in std::mem::take(&mut shared.rest) {
        let (name, argument) = item.split_once(' ').unwrap_or((item, ""));
        let argument = argument.trim();
        match name {
            "align" => jump.is_aligned = true,
            "from_beginning" => jump.from_beginning = true,
            "from_end" => jump.from_end = true,
            "multiplier" => {
                jump.multiplier = upto(argument, 65535, "multiplier")? as u32;
                if jump.multiplier == 0 {
                    return Err("a multiplier of 0 jumps nowhere".to_owned());
                }
            }
            "post_offset" => jump.post_offset = b.value(argument, "byte_jump", Some(at))?,
            _ => return Err(format!("option `{item}` of byte_jump is not known")),
        }
    }
    if jump.from_beginning && jump.from_end {
        return Err("from_beginning and from_end contradict each other; keep one".to_owned());
    }
    dce_wanted(b, encoding, "byte_jump");
    b.push(at, PayloadMatch::ByteJump(jump))
}

pub(super) fn byte_extract(b: &mut Builder<'_>, value: &str) -> Result<(), String> {
    let items: Vec<&str> = parts(value, ',').collect();
    let [bytes, offset, name, options @ ..] = items.as_slice() else {
        return Err(
            "byte_extract needs bytes, offset and a name: byte_extract:1,0,length".to_owned(),
        );
    };
    let shared = Shared::read(options.iter().copied())?;
    let encoding = shared.encoding()?;
    let at = b.place(shared.is_relative);
    let (mut multiplier, mut align) = (1, 0);
    for item in &shared.rest {
        let (keyword, argument) = item.split_once(' ').unwrap_or((item, ""));
        match keyword {
            "multiplier" => {
                multiplier = upto(argument, 65535, "multiplier")? as u32;
                if multiplier == 0 {
                    return Err("a multiplier of 0 makes every number 0".to_owned());
                }
            }
            "align" => {
                align = upto(argument, 4, "alignment")? as u8;
                if !matches!(align, 2 | 4) {
                    return Err(format!("alignment {align} is neither 2 nor 4"));
                }
            }
            _ => return Err(format!("option `{item}` of byte_extract is not known")),
        }
    }
    let width = upto(bytes, MAX_DIGITS, "number of bytes")?;
    check_width(&Value::Number(width as i64), encoding, 8)?;
    if width == 0 || (!matches!(encoding, Encoding::Digits(_)) && !matches!(width, 1..=8)) {
        return Err(format!(
            "byte_extract cannot read {width} bytes as a number"
        ));
    }
    let offset = signed(offset)
        .filter(|n| (-65535..=65535).contains(n))
        .ok_or_else(|| format!("offset `{offset}` is no number from -65535 to 65535"))?;
    if options.iter().any(|option| option == name) || is_list_of_known(name) {
        return Err(format!(
            "`{name}` is an option of byte_extract and no name; write bytes, offset, name first"
        ));
    }
    let variable = b.define(name, at)?;
    let extract = ByteExtract {
        bytes: width as u8,
        offset,
        variable,
        name: (*name).to_owned(),
        is_relative: shared.is_relative,
        encoding,
        multiplier,
        align,
        bitmask: shared.bitmask,
    };
    dce_wanted(b, encoding, "byte_extract");
    b.push(at, PayloadMatch::ByteExtract(extract))
}

pub(super) fn byte_math(b: &mut Builder<'_>, value: &str) -> Result<(), String> {
    let (mut bytes, mut offset, mut operator, mut operand, mut name) =
        (None, None, None, None, None);
    let (mut endian, mut base, mut is_string, mut is_relative, mut is_dce, mut bitmask) =
        (None, None, false, false, false, 0);
    for item in parts(value, ',') {
        let (key, argument) = item
            .split_once(|c: char| c.is_ascii_whitespace())
            .unwrap_or((item, ""));
        let argument = argument.trim();
        match key {
            "bytes" => bytes = Some(argument),
            "offset" => offset = Some(argument),
            "oper" => operator = Some(argument),
            "rvalue" => operand = Some(argument),
            "result" => name = Some(argument),
            "relative" => is_relative = true,
            "endian" => endian = Some(argument),
            "dce" => is_dce = true,
            "string" => {
                is_string = true;
                base = Some(argument);
            }
            "bitmask" => {
                bitmask = hexadecimal(argument)
                    .ok_or_else(|| format!("bitmask `{argument}` is no number"))?
            }
            _ => return Err(format!("option `{key}` of byte_math is not known")),
        }
    }
    let missing = |what: &str| {
        format!(
            "byte_math needs `{what}`: byte_math:bytes 1, offset 0, oper +, rvalue 1, result name"
        )
    };
    let encoding = match (is_dce, is_string, endian, base) {
        (true, false, None | Some("dce"), _) => Encoding::Dce,
        (_, true, None, Some("" | "dec")) => Encoding::Digits(10),
        (_, true, None, Some("hex")) => Encoding::Digits(16),
        (_, true, None, Some("oct")) => Encoding::Digits(8),
        (false, false, None | Some("big"), _) => Encoding::BigEndian,
        (false, false, Some("little"), _) => Encoding::LittleEndian,
        (false, false, Some("dce"), _) => Encoding::Dce,
        _ => {
            return Err(
                "byte_math tells its encoding in two ways or in none that is known".to_owned(),
            );
        }
    };
    let at = b.place(is_relative);
    let operator = match operator.ok_or_else(|| missing("oper"))? {
        "+" => MathOperator::Add,
        "-" => MathOperator::Subtract,
        "*" => MathOperator::Multiply,
        "/" => MathOperator::Divide,
        "<<" => MathOperator::ShiftLeft,
        ">>" => MathOperator::ShiftRight,
        other => {
            return Err(format!(
                "`{other}` is no operator of byte_math; write + - * / << or >>"
            ));
        }
    };
    let bytes = b.value(
        bytes.ok_or_else(|| missing("bytes"))?,
        "byte_math",
        Some(at),
    )?;
    check_width(&bytes, encoding, 10)?;
    let offset = offset.ok_or_else(|| missing("offset"))?;
    let offset = signed(offset).ok_or_else(|| format!("offset `{offset}` is no number"))?;
    let value = b.value(
        operand.ok_or_else(|| missing("rvalue"))?,
        "byte_math",
        Some(at),
    )?;
    if matches!((operator, &value), (MathOperator::Divide, Value::Number(0))) {
        return Err("byte_math cannot divide by 0".to_owned());
    }
    let name = name.ok_or_else(|| missing("result"))?;
    let variable = b.define(name, crate::builder::ANYWHERE)?;
    let math = ByteMath {
        bytes,
        offset,
        operator,
        value,
        variable,
        name: name.to_owned(),
        is_relative,
        encoding,
        bitmask,
    };
    dce_wanted(b, encoding, "byte_math");
    b.push(at, PayloadMatch::ByteMath(math))
}

pub(super) fn isdataat(b: &mut Builder<'_>, value: &str) -> Result<(), String> {
    let (value, is_negated) = negated(value);
    let mut items = parts(value, ',');
    let text = items.next().unwrap_or_default();
    let mut is_relative = false;
    for item in items {
        match item {
            "relative" => is_relative = true,
            "rawbytes" => {}
            _ => {
                return Err(format!(
                    "option `{item}` of isdataat is not known; `relative` and `rawbytes` are"
                ));
            }
        }
    }
    let at = b.place(is_relative);
    let found = b.value(text, "isdataat", Some(at))?;
    if matches!(found, Value::Number(n) if !(0..=65535).contains(&n)) {
        return Err(format!("isdataat:{text} is not between 0 and 65535"));
    }
    b.push(
        at,
        PayloadMatch::IsDataAt {
            at: found,
            is_relative,
            is_negated,
        },
    )
}

pub(super) fn bsize(b: &mut Builder<'_>, value: &str) -> Result<(), String> {
    if b.sticky.is_none() {
        return Err(
            "bsize must be used with a sticky buffer; write one before it, such as `http.uri;`"
                .to_owned(),
        );
    }
    let at = b.place(false);
    let compare = compare(value, u64::MAX)?;
    b.push(at, PayloadMatch::Bsize(compare))
}

/// `urilen` and `dsize` read likewise, elsewhere. This is `base64_decode`.
pub(super) fn base64_decode(b: &mut Builder<'_>, value: Option<&str>) -> Result<(), String> {
    let (mut bytes, mut offset, mut is_relative) = (None, 0, false);
    for item in parts(value.unwrap_or_default(), ',') {
        let (key, argument) = item.split_once(' ').unwrap_or((item, ""));
        match key {
            "bytes" => {
                bytes = Some(upto(argument, u32::MAX.into(), "number of bytes")? as u32)
                    .filter(|&n| n > 0)
            }
            "offset" => offset = upto(argument, u32::MAX.into(), "offset")? as u32,
            "relative" => is_relative = true,
            _ => {
                return Err(format!(
                    "option `{item}` of base64_decode is not known; bytes, offset and relative are"
                ));
            }
        }
    }
    let at = b.place(is_relative);
    b.push(
        at,
        PayloadMatch::Base64Decode {
            bytes,
            offset,
            is_relative,
        },
    )
}

pub(super) fn entropy(b: &mut Builder<'_>, value: &str) -> Result<(), String> {
    let (mut bytes, mut offset, mut found) = (0, 0, None);
    for item in parts(value, ',') {
        let (key, argument) = item
            .split_once(|c: char| c.is_ascii_whitespace())
            .unwrap_or((item, ""));
        match key {
            "bytes" => {
                bytes = unsigned(argument.trim())
                    .and_then(|n| u32::try_from(n).ok())
                    .ok_or("entropy bytes is no number")?
            }
            "offset" => {
                offset = unsigned(argument.trim())
                    .and_then(|n| u32::try_from(n).ok())
                    .ok_or("entropy offset is no number")?
            }
            "value" => found = Some(compare_float(argument)?),
            _ if found.is_none() => found = Some(compare_float(item)?),
            _ => {
                return Err(format!(
                    "option `{item}` of entropy is not known; bytes, offset and value are"
                ));
            }
        }
    }
    let compare = found.ok_or("entropy needs `value`: entropy:value >= 4")?;
    let at = b.place(false);
    b.push(
        at,
        PayloadMatch::Entropy {
            bytes,
            offset,
            compare,
        },
    )
}

pub(super) fn absent(b: &mut Builder<'_>, value: Option<&str>) -> Result<(), String> {
    let or_else = match value {
        None | Some("") => false,
        Some("or_else") => true,
        Some(other) => return Err(format!("`{other}` is no option of absent; `or_else` is")),
    };
    let Some(at) = b.sticky else {
        return Err("absent must follow a sticky buffer; write one before it".to_owned());
    };
    if b.rule
        .buffers
        .get(at)
        .is_some_and(|entry| !entry.matches.is_empty())
    {
        return Err("absent must stand directly behind its sticky buffer".to_owned());
    }
    b.push(at, PayloadMatch::Absent { or_else })
}
