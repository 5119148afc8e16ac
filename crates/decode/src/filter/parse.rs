//! Reads a filter expression.

use super::lexer::{Token, tokens};
use super::{Arithmetic, Expression, FilterError, Layer, Relation, Side, Test, only};
use event::address::AddressRange;
use std::net::IpAddr;

/// Parentheses and `not` within each other.
const MAX_DEPTH: usize = 64;

pub(super) fn parse(text: &str) -> Result<Expression, FilterError> {
    // Places are counted in bytes below; people count characters.
    parse_bytes(text).map_err(|error| FilterError {
        column: text
            .char_indices()
            .take_while(|(at, _)| at + 1 < error.column)
            .count()
            + 1,
        ..error
    })
}

fn parse_bytes(text: &str) -> Result<Expression, FilterError> {
    let tokens = tokens(text)?;
    let mut parser = Parser {
        tokens: &tokens,
        at: 0,
        end: text.len(),
        tags: 0,
        depth: 0,
        last: None,
    };
    let expression = parser.expression()?;
    if parser.at < tokens.len() {
        return parser.fail("the expression should have ended here");
    }
    Ok(expression)
}

/// What stood before a bare value: `port 80 or 443` means `port 80 or port 443`.
#[derive(Clone, Copy)]
struct Qualifiers {
    layer: Option<Layer>,
    side: Option<Side>,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Host,
    Net,
    Port,
    PortRange,
    Proto,
}

struct Parser<'t> {
    tokens: &'t [(usize, Token<'t>)],
    at: usize,
    end: usize,
    /// VLAN tags that tests from here on look below.
    tags: u8,
    depth: usize,
    last: Option<Qualifiers>,
}

type Parsed<T> = Result<T, FilterError>;

impl<'t> Parser<'t> {
    fn expression(&mut self) -> Parsed<Expression> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.fail("it is nested too deeply");
        }
        let mut left = self.unary()?;
        loop {
            let is_and = if self.take_any(&["and", "&&"]) {
                true
            } else if self.take_any(&["or", "||"]) {
                false
            } else {
                break;
            };
            let right = self.unary()?;
            left = if is_and {
                Expression::And(Box::new(left), Box::new(right))
            } else {
                Expression::Or(Box::new(left), Box::new(right))
            };
        }
        self.depth -= 1;
        Ok(left)
    }

    fn unary(&mut self) -> Parsed<Expression> {
        if self.take_any(&["not", "!"]) {
            self.depth += 1;
            if self.depth > MAX_DEPTH {
                return self.fail("it is nested too deeply");
            }
            let inner = self.unary()?;
            self.depth -= 1;
            return Ok(Expression::Not(Box::new(inner)));
        }
        if self.peek_sign() == Some("(") && !self.is_arithmetic_group() {
            self.at += 1;
            let inner = self.expression()?;
            if !self.take_any(&[")"]) {
                return self.fail("a closing parenthesis is missing");
            }
            return Ok(inner);
        }
        let tags = self.tags;
        let test = self.test()?;
        if matches!(test, Test::Vlan(_)) {
            self.tags = self.tags.saturating_add(1);
        }
        Ok(Expression::Test(test, tags))
    }

    /// Whether the parenthesis at hand belongs to arithmetic: `(tcp[0] + 1) = 2`.
    fn is_arithmetic_group(&self) -> bool {
        match (self.tokens.get(self.at + 1), self.tokens.get(self.at + 2)) {
            (Some((_, Token::Word(word))), Some((_, Token::Sign(sign)))) => {
                *sign == "[" && layer(word).is_some()
                    || is_number(word) && matches!(*sign, "+" | "-" | "*" | "&" | "|" | "<<" | ">>")
            }
            _ => false,
        }
    }

    fn test(&mut self) -> Parsed<Test> {
        let Some(word) = self.peek_word() else {
            if self.peek_sign() == Some("(") {
                return self.comparison();
            }
            return self.fail("a condition is missing");
        };
        let next_sign = self
            .tokens
            .get(self.at + 1)
            .and_then(|(_, token)| match token {
                Token::Sign(sign) => Some(*sign),
                Token::Word(_) => None,
            });
        if next_sign == Some("[")
            || word == "len"
            || is_number(word)
                && next_sign.is_some_and(|sign| sign != ")" && sign != "&&" && sign != "||")
        {
            return self.comparison();
        }
        match word {
            "less" => return self.length().map(Test::Shorter),
            "greater" => return self.length().map(Test::Longer),
            "broadcast" => return self.single(Test::Broadcast),
            "multicast" => return self.single(Test::Multicast),
            "vlan" => {
                self.at += 1;
                return Ok(Test::Vlan(self.optional_number()));
            }
            "mpls" => {
                self.at += 1;
                return Ok(Test::Mpls(self.optional_number()));
            }
            _ => {}
        }
        self.primitive()
    }

    fn primitive(&mut self) -> Parsed<Test> {
        let begin = self.at;
        let layer = self.peek_word().and_then(layer);
        if layer.is_some() {
            self.at += 1;
            if layer == Some(Layer::Ether) && self.take_any(&["broadcast"]) {
                return Ok(Test::Broadcast);
            }
            if layer == Some(Layer::Ether) && self.take_any(&["multicast"]) {
                return Ok(Test::Multicast);
            }
        }
        let side = self.side()?;
        let kind = match self.peek_word() {
            Some("host") => Some(Kind::Host),
            Some("net") => Some(Kind::Net),
            Some("port") => Some(Kind::Port),
            Some("portrange") => Some(Kind::PortRange),
            Some("proto") => Some(Kind::Proto),
            _ => None,
        };
        if kind.is_some() {
            self.at += 1;
        }
        let qualifiers = match (layer, side, kind) {
            (Some(layer), None, None) => return Ok(Test::Is(layer)),
            (None, None, None) => match self.last {
                Some(last) => last,
                None => Qualifiers {
                    layer: None,
                    side: None,
                    kind: Kind::Host,
                },
            },
            (layer, side, kind) => Qualifiers {
                layer,
                side,
                kind: kind.unwrap_or(Kind::Host),
            },
        };
        let Some(value) = self.peek_word() else {
            return self.fail("a value is missing");
        };
        let test = self.value(qualifiers, value, begin)?;
        self.last = Some(qualifiers);
        Ok(test)
    }

    fn value(&mut self, q: Qualifiers, value: &'t str, begin: usize) -> Parsed<Test> {
        let side = q.side.unwrap_or(Side::Either);
        match q.kind {
            Kind::Host if q.layer == Some(Layer::Ether) => {
                let Some(address) = mac(value) else {
                    return self.fail("an Ethernet address was expected (aa:bb:cc:dd:ee:ff)");
                };
                self.at += 1;
                Ok(Test::EtherHost(side, address))
            }
            Kind::Host => {
                let Ok(address) = value.parse::<IpAddr>() else {
                    if self.at == begin {
                        return self.fail("this is neither a keyword nor an address");
                    }
                    return self.fail("an address was expected; names are not looked up");
                };
                self.at += 1;
                Ok(Test::Host(q.layer, side, only(address)))
            }
            Kind::Net => {
                let Some(range) = net(value) else {
                    return self.fail("a network was expected, such as 10.0.0.0/8");
                };
                self.at += 1;
                if self.take_any(&["mask"]) {
                    let mask = self.peek_word().unwrap_or_default();
                    let Some(range) = AddressRange::parse(&format!("{value}/{mask}")) else {
                        return self.fail("a mask was expected, such as 255.0.0.0");
                    };
                    self.at += 1;
                    return Ok(Test::Host(q.layer, side, range));
                }
                Ok(Test::Host(q.layer, side, range))
            }
            Kind::Port => {
                let Some(port) = port(value) else {
                    return self.fail("a port was expected, 0 to 65535");
                };
                self.at += 1;
                Ok(Test::Port(q.layer, side, port, port))
            }
            Kind::PortRange => {
                let range = value
                    .split_once('-')
                    .and_then(|(a, b)| Some((port(a)?, port(b)?)));
                let Some((first, last)) = range.filter(|(first, last)| first <= last) else {
                    return self.fail("a range of ports was expected, such as 1000-2000");
                };
                self.at += 1;
                Ok(Test::Port(q.layer, side, first, last))
            }
            Kind::Proto => self.proto(q.layer, value),
        }
    }

    fn proto(&mut self, layer: Option<Layer>, value: &str) -> Parsed<Test> {
        if layer == Some(Layer::Ether) {
            let kind = match value {
                "ip" => Some(0x0800),
                "ip6" => Some(0x86dd),
                "arp" => Some(0x0806),
                "rarp" => Some(0x8035),
                number => self::number(number).and_then(|n| u16::try_from(n).ok()),
            };
            let Some(kind) = kind else {
                return self.fail("an EtherType was expected");
            };
            self.at += 1;
            return Ok(Test::EtherKind(kind));
        }
        let protocol = match value {
            "icmp" => Some(1),
            "igmp" => Some(2),
            "tcp" => Some(6),
            "udp" => Some(17),
            "gre" => Some(47),
            "esp" => Some(50),
            "ah" => Some(51),
            "icmp6" => Some(58),
            "pim" => Some(103),
            "vrrp" => Some(112),
            "sctp" => Some(132),
            number => self::number(number).and_then(|n| u8::try_from(n).ok()),
        };
        let Some(protocol) = protocol else {
            return self.fail("a protocol was expected");
        };
        self.at += 1;
        Ok(Test::IpProtocol(layer, protocol))
    }

    fn side(&mut self) -> Parsed<Option<Side>> {
        let first = match self.peek_word() {
            Some("src") => Side::Source,
            Some("dst") => Side::Destination,
            _ => return Ok(None),
        };
        self.at += 1;
        let pair = |sign: &str| matches!(sign, "or" | "||" | "and" | "&&");
        let joint = self.tokens.get(self.at).map(|(_, token)| match token {
            Token::Word(word) => *word,
            Token::Sign(sign) => *sign,
        });
        if let (Some(joint), Some((_, Token::Word("src" | "dst")))) = (
            joint.filter(|joint| pair(joint)),
            self.tokens.get(self.at + 1),
        ) {
            self.at += 2;
            let is_or = matches!(joint, "or" | "||");
            return Ok(Some(if is_or { Side::Either } else { Side::Both }));
        }
        Ok(Some(first))
    }

    fn comparison(&mut self) -> Parsed<Test> {
        let left = self.sum()?;
        let relation = match self.peek_sign() {
            Some("=" | "==") => Relation::Equal,
            Some("!=") => Relation::NotEqual,
            Some("<") => Relation::Less,
            Some("<=") => Relation::LessOrEqual,
            Some(">") => Relation::Greater,
            Some(">=") => Relation::GreaterOrEqual,
            _ => return self.fail("a comparison was expected: = != < <= > >="),
        };
        self.at += 1;
        Ok(Test::Compare(left, relation, self.sum()?))
    }

    /// Arithmetic, all operators of the same strength from left to right but `*`, `/` and `%`.
    fn sum(&mut self) -> Parsed<Arithmetic> {
        let mut left = self.product()?;
        while let Some(sign @ ("+" | "-" | "&" | "|" | "^" | "<<" | ">>")) = self.peek_sign() {
            self.at += 1;
            let right = self.product()?;
            let operator = sign.chars().next().unwrap_or('+');
            left = Arithmetic::Calculate(Box::new(left), operator, Box::new(right));
        }
        Ok(left)
    }

    fn product(&mut self) -> Parsed<Arithmetic> {
        let mut left = self.operand()?;
        while let Some(sign @ ("*" | "/" | "%")) = self.peek_sign() {
            self.at += 1;
            let right = self.operand()?;
            let operator = sign.chars().next().unwrap_or('*');
            left = Arithmetic::Calculate(Box::new(left), operator, Box::new(right));
        }
        Ok(left)
    }

    fn operand(&mut self) -> Parsed<Arithmetic> {
        if self.take_any(&["("]) {
            self.depth += 1;
            if self.depth > MAX_DEPTH {
                return self.fail("it is nested too deeply");
            }
            let inner = self.sum()?;
            self.depth -= 1;
            if !self.take_any(&[")"]) {
                return self.fail("a closing parenthesis is missing");
            }
            return Ok(inner);
        }
        let Some(word) = self.peek_word() else {
            return self.fail("a number is missing");
        };
        if word == "len" {
            self.at += 1;
            return Ok(Arithmetic::Length);
        }
        if let Some(value) = number(word).or_else(|| constant(word)) {
            self.at += 1;
            return Ok(Arithmetic::Number(value));
        }
        let Some(layer) = layer(word) else {
            return self.fail("a number was expected");
        };
        self.at += 1;
        if !self.take_any(&["["]) {
            return self.fail("a place in brackets was expected");
        }
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.fail("it is nested too deeply");
        }
        let at = self.sum()?;
        self.depth -= 1;
        let mut size = 1;
        if self.take_any(&[":"]) {
            size = match self.peek_word() {
                Some("1") => 1,
                Some("2") => 2,
                Some("4") => 4,
                _ => return self.fail("a size of 1, 2 or 4 bytes was expected"),
            };
            self.at += 1;
        }
        if !self.take_any(&["]"]) {
            return self.fail("a closing bracket is missing");
        }
        Ok(Arithmetic::Bytes(layer, Box::new(at), size))
    }

    fn length(&mut self) -> Parsed<u32> {
        self.at += 1;
        let Some(length) = self.peek_word().and_then(number) else {
            return self.fail("a length was expected");
        };
        self.at += 1;
        Ok(length)
    }

    fn optional_number<T: TryFrom<u32>>(&mut self) -> Option<T> {
        let value = self.peek_word().and_then(number)?.try_into().ok()?;
        self.at += 1;
        Some(value)
    }

    fn single(&mut self, test: Test) -> Parsed<Test> {
        self.at += 1;
        Ok(test)
    }

    fn take_any(&mut self, words: &[&str]) -> bool {
        let is_there = self
            .tokens
            .get(self.at)
            .is_some_and(|(_, token)| match token {
                Token::Word(word) => words.contains(word),
                Token::Sign(sign) => words.contains(sign),
            });
        self.at += usize::from(is_there);
        is_there
    }

    fn peek_word(&self) -> Option<&'t str> {
        match self.tokens.get(self.at) {
            Some((_, Token::Word(word))) => Some(word),
            _ => None,
        }
    }

    fn peek_sign(&self) -> Option<&'static str> {
        match self.tokens.get(self.at) {
            Some((_, Token::Sign(sign))) => Some(sign),
            _ => None,
        }
    }

    fn fail<T>(&self, reason: &str) -> Parsed<T> {
        let column = self.tokens.get(self.at).map_or(self.end, |(at, _)| *at) + 1;
        Err(FilterError {
            column,
            reason: reason.to_owned(),
        })
    }
}

fn layer(word: &str) -> Option<Layer> {
    Some(match word {
        "ether" | "link" => Layer::Ether,
        "ip" => Layer::Ip,
        "ip6" => Layer::Ip6,
        "arp" => Layer::Arp,
        "rarp" => Layer::Rarp,
        "tcp" => Layer::Tcp,
        "udp" => Layer::Udp,
        "icmp" => Layer::Icmp,
        "icmp6" => Layer::Icmp6,
        "sctp" => Layer::Sctp,
        _ => return None,
    })
}

/// Names of places and bits in headers (pcap-filter(7)).
fn constant(word: &str) -> Option<u32> {
    Some(match word {
        "tcpflags" => 13,
        "tcp-fin" => 0x01,
        "tcp-syn" => 0x02,
        "tcp-rst" => 0x04,
        "tcp-push" => 0x08,
        "tcp-ack" => 0x10,
        "tcp-urg" => 0x20,
        "tcp-ece" => 0x40,
        "tcp-cwr" => 0x80,
        "icmptype" | "icmp6type" => 0,
        "icmpcode" | "icmp6code" => 1,
        "icmp-echoreply" => 0,
        "icmp-unreach" => 3,
        "icmp-sourcequench" => 4,
        "icmp-redirect" => 5,
        "icmp-echo" => 8,
        "icmp-timxceed" => 11,
        _ => return None,
    })
}

fn is_number(word: &str) -> bool {
    number(word).is_some()
}

fn number(word: &str) -> Option<u32> {
    match word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")) {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => word.parse().ok(),
    }
}

/// A port by number or by the names that people type most.
fn port(word: &str) -> Option<u16> {
    Some(match word {
        "ftp" => 21,
        "ssh" => 22,
        "telnet" => 23,
        "smtp" => 25,
        "domain" => 53,
        "http" => 80,
        "pop3" => 110,
        "ntp" => 123,
        "imap" => 143,
        "snmp" => 161,
        "https" => 443,
        number => number.parse().ok()?,
    })
}

/// A network; missing parts of an IPv4 one are filled, `10.1` being `10.1.0.0/16`.
fn net(word: &str) -> Option<AddressRange> {
    if let Some(range) = AddressRange::parse(word) {
        return Some(range);
    }
    let (address, length) = word.split_once('/').unwrap_or((word, ""));
    let parts = address.split('.').count();
    if parts > 4 || address.contains(':') {
        return None;
    }
    let full = format!("{address}{}", ".0".repeat(4 - parts));
    let length = if length.is_empty() {
        (parts * 8).to_string()
    } else {
        length.to_owned()
    };
    AddressRange::parse(&format!("{full}/{length}"))
}

fn mac(word: &str) -> Option<[u8; 6]> {
    let mut address = [0; 6];
    let mut parts = word.split([':', '-']);
    for byte in &mut address {
        *byte = u8::from_str_radix(parts.next()?, 16).ok()?;
    }
    parts.next().is_none().then_some(address)
}
