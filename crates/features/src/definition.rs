//! Which definition of a flow and its features holds, and what each does differently.

/// CICFlowMeter's own, its corrected fork's, or the one that is right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Definition {
    /// Ratel's: IPv4 and IPv6, flows of one packet, the end of a connection where TCP ends it,
    /// every protocol under its number.
    #[default]
    Corrected,
    /// CICFlowMeter v4 with its faults, for models that were trained on its output.
    Cicflowmeter,
    /// The fork of Engelen, Rimmer and Joosen, for models that were trained on that.
    Engelen,
}

/// What a definition does, one rule for each thing that differs.
#[derive(Debug)]
pub(crate) struct Rules {
    /// Only packets whose outermost network layer is IPv4 count, not put together from fragments.
    pub ipv4_only: bool,
    /// An ICMP error counts as a packet of the connection that it quotes.
    pub takes_quoted: bool,
    /// Ports stand in flows of protocols other than TCP and UDP; lengths in those of SCTP.
    pub knows_other_ports: bool,
    /// ICMP messages have lengths.
    pub has_icmp_lengths: bool,
    /// Flows of a single packet are told.
    pub tells_single_packets: bool,
    /// A connection ends with the first FIN of the answering side.
    pub ends_at_fin: bool,
    /// A SYN with ACK is an answer: its receiver began the flow.
    pub knows_answers: bool,
    /// The first packet of a flow is forward, whoever sent it.
    pub first_is_forward: bool,
    /// A packet goes the way of its source's address, whatever its port is.
    pub goes_by_address: bool,
    /// A flow that was silent for too long ends by itself.
    pub forgets: bool,
    /// After the time-out, UDP alone begins anew where it was silent, and TCP never does.
    pub goes_on_by_protocol: bool,
    /// The first packet's length counts twice among the lengths of all.
    pub counts_first_twice: bool,
    /// What the first packet carries is no data.
    pub first_is_no_data: bool,
    /// PSH and URG count in the first packet alone.
    pub first_flags_only: bool,
    /// Every bulk is backward.
    pub bulks_are_backward: bool,
    /// The backward window is the last one.
    pub last_window: bool,
    /// A direction's smallest header begins at 0, but where the flow begins.
    pub header_min_from_zero: bool,
    /// Quotients are cut off to whole numbers.
    pub whole_quotients: bool,
    /// The columns that the fork added are there.
    pub has_added_columns: bool,
    /// What a segment that is sent again is.
    pub sent_again: SentAgain,
    /// What a rate is in a flow that lasted no time.
    pub rate_of_no_time: RateOfNoTime,
    /// How moments are written.
    pub moment: Moment,
}

/// What a segment that is sent again is.
#[derive(Debug)]
pub(crate) enum SentAgain {
    /// It begins below what its side has sent.
    Below,
    /// Its numbers, length and window were seen before.
    Alike,
    /// Nobody asks.
    Untold,
}

/// What a rate is in a flow that lasted no time.
#[derive(Debug)]
pub(crate) enum RateOfNoTime {
    Zero,
    MinusOne,
    /// What IEEE 754 makes of it.
    Divided,
}

/// How moments are written.
#[derive(Debug)]
pub(crate) enum Moment {
    /// `2025-02-28 23:59:59.000123`
    Micros,
    /// The same without zeros at the end, as Java does it.
    Java,
    /// `28/02/2025 11:59:59 PM`
    HalfDays,
}

static CORRECTED: Rules = Rules {
    ipv4_only: false,
    takes_quoted: false,
    knows_other_ports: true,
    has_icmp_lengths: true,
    tells_single_packets: true,
    ends_at_fin: false,
    knows_answers: true,
    first_is_forward: false,
    goes_by_address: false,
    forgets: true,
    goes_on_by_protocol: false,
    counts_first_twice: false,
    first_is_no_data: false,
    first_flags_only: false,
    bulks_are_backward: false,
    last_window: false,
    header_min_from_zero: false,
    whole_quotients: false,
    has_added_columns: true,
    sent_again: SentAgain::Below,
    rate_of_no_time: RateOfNoTime::Zero,
    moment: Moment::Micros,
};

static ENGELEN: Rules = Rules {
    ipv4_only: true,
    takes_quoted: false,
    knows_other_ports: true,
    has_icmp_lengths: false,
    tells_single_packets: true,
    ends_at_fin: false,
    knows_answers: true,
    first_is_forward: false,
    goes_by_address: true,
    forgets: false,
    goes_on_by_protocol: true,
    counts_first_twice: false,
    first_is_no_data: false,
    first_flags_only: false,
    bulks_are_backward: false,
    last_window: false,
    header_min_from_zero: true,
    whole_quotients: false,
    has_added_columns: true,
    sent_again: SentAgain::Alike,
    rate_of_no_time: RateOfNoTime::MinusOne,
    moment: Moment::Java,
};

static CICFLOWMETER: Rules = Rules {
    ipv4_only: true,
    takes_quoted: true,
    knows_other_ports: false,
    has_icmp_lengths: false,
    tells_single_packets: false,
    ends_at_fin: true,
    knows_answers: false,
    first_is_forward: true,
    goes_by_address: true,
    forgets: false,
    goes_on_by_protocol: true,
    counts_first_twice: true,
    first_is_no_data: true,
    first_flags_only: true,
    bulks_are_backward: true,
    last_window: true,
    header_min_from_zero: false,
    whole_quotients: true,
    has_added_columns: false,
    sent_again: SentAgain::Untold,
    rate_of_no_time: RateOfNoTime::Divided,
    moment: Moment::HalfDays,
};

impl Definition {
    /// Reads the name that `--compat` takes.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "none" => Some(Definition::Corrected),
            "cicflowmeter" => Some(Definition::Cicflowmeter),
            "engelen" => Some(Definition::Engelen),
            _ => None,
        }
    }

    /// What it does differently.
    pub(crate) fn rules(self) -> &'static Rules {
        match self {
            Definition::Corrected => &CORRECTED,
            Definition::Engelen => &ENGELEN,
            Definition::Cicflowmeter => &CICFLOWMETER,
        }
    }
}
