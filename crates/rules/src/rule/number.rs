//! Numbers in rules: comparisons, operators, and values that a rule computes itself.

/// A comparison of an unsigned number, as most numeric keywords share it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compare {
    /// `=`.
    Equal(u64),
    /// `!`.
    NotEqual(u64),
    /// `<`.
    Less(u64),
    /// `<=`.
    LessOrEqual(u64),
    /// `>`.
    Greater(u64),
    /// `>=`.
    GreaterOrEqual(u64),
    /// `a<>b` and `a-b`: strictly between, as Suricata reads `a<>b`.
    Between(u64, u64),
    /// `!a-b`: outside.
    Outside(u64, u64),
    /// `&mask=value`.
    Masked {
        /// Bits looked at.
        mask: u64,
        /// What they must be.
        value: u64,
        /// Whether they must not be it.
        is_negated: bool,
    },
}

impl Compare {
    /// Whether `number` satisfies it.
    #[must_use]
    pub fn holds(&self, number: u64) -> bool {
        match *self {
            Compare::Equal(n) => number == n,
            Compare::NotEqual(n) => number != n,
            Compare::Less(n) => number < n,
            Compare::LessOrEqual(n) => number <= n,
            Compare::Greater(n) => number > n,
            Compare::GreaterOrEqual(n) => number >= n,
            Compare::Between(low, high) => low < number && number < high,
            Compare::Outside(low, high) => number <= low || number >= high,
            Compare::Masked {
                mask,
                value,
                is_negated,
            } => ((number & mask) == value) != is_negated,
        }
    }
}

/// Operators of `byte_test`, `byte_math` and `flowint`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operator {
    /// `=`.
    Equal,
    /// `<`.
    Less,
    /// `>`.
    Greater,
    /// `<=`.
    LessOrEqual,
    /// `>=`.
    GreaterOrEqual,
    /// `&`: any common bit.
    And,
    /// `^`: exclusive or, as Snort defines it.
    Xor,
}

/// A number in a rule, or the name of one that `byte_extract`, `byte_math` or a PCRE captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Written as a number.
    Number(i64),
    /// Index into the rule's own variables, as counted by `ByteExtract` and `ByteMath`.
    Variable(u8),
}
