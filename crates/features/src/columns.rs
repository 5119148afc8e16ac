//! The names of the features and their values.

use crate::bulk::ratio;
use crate::definition::{Definition, Moment, RateOfNoTime};
use crate::flow::{Direction, Ends, Flow};
use crate::hosts::Lately;
use crate::seen::Seen;
use crate::summary::Summary;
use std::net::IpAddr;

/// What stands in one column.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A name.
    Text(String),
    /// An address.
    Address(IpAddr),
    /// A whole number.
    Whole(i64),
    /// A number.
    Real(f64),
}

/// Gets the columns of a flow one after another.
pub trait Sink {
    /// The next column. Values come in the unit of CICFlowMeter: times in microseconds, lengths
    /// in bytes, rates a second.
    fn column(&mut self, name: &'static str, value: Value);
}

impl<F: FnMut(&'static str, Value)> Sink for F {
    fn column(&mut self, name: &'static str, value: Value) {
        self(name, value);
    }
}

/// The names of the columns, in order; with those beyond CICFlowMeter's where there is more.
#[must_use]
pub fn names(definition: Definition, has_more: bool) -> Vec<&'static str> {
    let blank = blank(definition, has_more).into_iter();
    blank.map(|(name, _)| name).collect()
}

/// The columns of a flow that is none, in order: what kind of value stands in each.
#[must_use]
pub fn blank(definition: Definition, has_more: bool) -> Vec<(&'static str, Value)> {
    let mut columns = Vec::new();
    let seen = Seen::nothing();
    let lately = has_more.then(Lately::default);
    let flow = Flow::new(&seen, Ends::of(&seen), definition, 0, lately);
    flow.columns(&mut |name, value| columns.push((name, value)));
    columns
}

impl Flow {
    /// Gives all columns in CICFlowMeter's order: 83 and a label of the original, 94 of its fork.
    pub fn columns(&self, out: &mut impl Sink) {
        self.identity(out);
        self.figures(out);
        out.column("Label", Value::Text("NeedManualLabel".to_owned()));
    }

    /// Gives all columns but who talked when, and the label.
    pub fn figures(&self, out: &mut impl Sink) {
        out.column("Flow Duration", Value::Whole(self.duration_us()));
        self.lengths(out);
        self.times(out);
        self.headers(out);
        self.flag_counts(out);
        self.averages(out);
        self.bulks(out);
        self.windows(out);
        spread(
            out,
            ["Active Mean", "Active Std", "Active Max", "Active Min"],
            &self.active,
        );
        spread(
            out,
            ["Idle Mean", "Idle Std", "Idle Max", "Idle Min"],
            &self.idle,
        );
        if self.rules.has_added_columns {
            self.beyond_the_original(out);
        }
        if let Some(more) = &self.more {
            more.columns(out);
        }
    }

    fn identity(&self, out: &mut impl Sink) {
        let ends = &self.ends;
        out.column("Flow ID", Value::Text(self.id()));
        out.column("Src IP", Value::Address(ends.source));
        out.column("Src Port", whole(ends.source_port));
        out.column("Dst IP", Value::Address(ends.destination));
        out.column("Dst Port", whole(ends.destination_port));
        out.column("Protocol", whole(self.protocol));
        out.column("Timestamp", Value::Text(self.timestamp()));
    }

    /// Lower address first, by signed bytes, as CICFlowMeter compares them.
    fn id(&self) -> String {
        let ends = &self.ends;
        let (a, b) = (signed(ends.source), signed(ends.destination));
        let ends = if a > b { ends.reversed() } else { *ends };
        format!(
            "{}-{}-{}-{}-{}",
            ends.source, ends.destination, ends.source_port, ends.destination_port, self.protocol
        )
    }

    fn timestamp(&self) -> String {
        let secs = self.start.div_euclid(1_000_000);
        let micros = self.start.rem_euclid(1_000_000);
        let (year, month, day) = event::time::civil(secs.div_euclid(86_400));
        let of_day = secs.rem_euclid(86_400);
        let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
        if matches!(self.rules.moment, Moment::HalfDays) {
            let half = if hour < 12 { "AM" } else { "PM" };
            let hour = (hour + 11) % 12 + 1;
            return format!(
                "{day:02}/{month:02}/{year:04} {hour:02}:{minute:02}:{second:02} {half}"
            );
        }
        let date = format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}");
        let is_java = matches!(self.rules.moment, Moment::Java);
        match (is_java, second, micros) {
            (true, _, 0) => format!("{date}:{second:02}"),
            (true, ..) if micros % 1000 == 0 => {
                format!("{date}:{second:02}.{:03}", micros / 1000)
            }
            _ => format!("{date}:{second:02}.{micros:06}"),
        }
    }

    fn lengths(&self, out: &mut impl Sink) {
        let (forward, backward) = (&self.forward.lengths, &self.backward.lengths);
        out.column("Total Fwd Packet", count(forward.count()));
        out.column("Total Bwd packets", count(backward.count()));
        out.column("Total Length of Fwd Packet", Value::Real(forward.sum()));
        out.column("Total Length of Bwd Packet", Value::Real(backward.sum()));
        out.column("Fwd Packet Length Max", Value::Real(forward.max()));
        out.column("Fwd Packet Length Min", Value::Real(forward.min()));
        out.column("Fwd Packet Length Mean", Value::Real(forward.mean()));
        out.column("Fwd Packet Length Std", Value::Real(forward.deviation()));
        out.column("Bwd Packet Length Max", Value::Real(backward.max()));
        out.column("Bwd Packet Length Min", Value::Real(backward.min()));
        out.column("Bwd Packet Length Mean", Value::Real(backward.mean()));
        out.column("Bwd Packet Length Std", Value::Real(backward.deviation()));
    }

    fn seconds(&self) -> f64 {
        self.duration_us() as f64 / 1e6
    }

    /// A rate; where no time passed, 0, or what the compatible definitions make of it.
    fn rate(&self, amount: f64) -> f64 {
        match self.rules.rate_of_no_time {
            RateOfNoTime::Zero => ratio(amount, self.seconds()),
            RateOfNoTime::MinusOne if self.duration_us() == 0 => -1.0,
            RateOfNoTime::MinusOne | RateOfNoTime::Divided => amount / self.seconds(),
        }
    }

    fn times(&self, out: &mut impl Sink) {
        let bytes = self.forward.lengths.sum() + self.backward.lengths.sum();
        out.column("Flow Bytes/s", Value::Real(self.rate(bytes)));
        out.column(
            "Flow Packets/s",
            Value::Real(self.rate(self.packets() as f64)),
        );
        spread(
            out,
            [
                "Flow IAT Mean",
                "Flow IAT Std",
                "Flow IAT Max",
                "Flow IAT Min",
            ],
            &self.gaps,
        );
        out.column("Fwd IAT Total", Value::Real(self.forward.gaps.sum()));
        spread(
            out,
            ["Fwd IAT Mean", "Fwd IAT Std", "Fwd IAT Max", "Fwd IAT Min"],
            &self.forward.gaps,
        );
        out.column("Bwd IAT Total", Value::Real(self.backward.gaps.sum()));
        spread(
            out,
            ["Bwd IAT Mean", "Bwd IAT Std", "Bwd IAT Max", "Bwd IAT Min"],
            &self.backward.gaps,
        );
    }

    fn headers(&self, out: &mut impl Sink) {
        let (forward, backward) = (&self.forward, &self.backward);
        out.column("Fwd PSH Flags", whole(forward.push));
        out.column("Bwd PSH Flags", whole(backward.push));
        out.column("Fwd URG Flags", whole(forward.urgent));
        out.column("Bwd URG Flags", whole(backward.urgent));
        if self.rules.has_added_columns {
            out.column("Fwd RST Flags", whole(forward.reset));
            out.column("Bwd RST Flags", whole(backward.reset));
        }
        out.column("Fwd Header Length", count(forward.header_bytes));
        out.column("Bwd Header Length", count(backward.header_bytes));
        let seconds = self.seconds().max(0.0);
        let a_second = |packets: u64| Value::Real(ratio(packets as f64, seconds));
        out.column("Fwd Packets/s", a_second(forward.lengths.count()));
        out.column("Bwd Packets/s", a_second(backward.lengths.count()));
        out.column("Packet Length Min", Value::Real(self.lengths.min()));
        out.column("Packet Length Max", Value::Real(self.lengths.max()));
        out.column("Packet Length Mean", Value::Real(self.lengths.mean()));
        out.column("Packet Length Std", Value::Real(self.lengths.deviation()));
        out.column(
            "Packet Length Variance",
            Value::Real(self.lengths.variance()),
        );
    }

    fn flag_counts(&self, out: &mut impl Sink) {
        let [fin, syn, rst, psh, ack, urg, ece, cwr] = self.flags;
        out.column("FIN Flag Count", whole(fin));
        out.column("SYN Flag Count", whole(syn));
        out.column("RST Flag Count", whole(rst));
        out.column("PSH Flag Count", whole(psh));
        out.column("ACK Flag Count", whole(ack));
        out.column("URG Flag Count", whole(urg));
        out.column("CWR Flag Count", whole(cwr));
        out.column("ECE Flag Count", whole(ece));
    }

    fn quotient(&self, over: f64, under: f64) -> Value {
        let exact = ratio(over, under);
        Value::Real(if self.rules.whole_quotients {
            exact.trunc()
        } else {
            exact
        })
    }

    fn averages(&self, out: &mut impl Sink) {
        let (forward, backward) = (&self.forward.lengths, &self.backward.lengths);
        let (packets, back) = (forward.count() as f64, backward.count() as f64);
        out.column("Down/Up Ratio", self.quotient(back, packets));
        out.column(
            "Average Packet Size",
            Value::Real(ratio(self.lengths.sum(), self.packets() as f64)),
        );
        out.column(
            "Fwd Segment Size Avg",
            Value::Real(ratio(forward.sum(), packets)),
        );
        out.column(
            "Bwd Segment Size Avg",
            Value::Real(ratio(backward.sum(), back)),
        );
    }

    fn bulks(&self, out: &mut impl Sink) {
        let whole = |exact: f64| match self.rules.whole_quotients {
            true => Value::Real(exact.trunc()),
            false => Value::Real(exact),
        };
        let (forward, backward) = (&self.forward, &self.backward);
        out.column("Fwd Bytes/Bulk Avg", whole(forward.bulk.mean_bytes()));
        out.column("Fwd Packet/Bulk Avg", whole(forward.bulk.mean_packets()));
        out.column("Fwd Bulk Rate Avg", whole(forward.bulk.rate()));
        out.column("Bwd Bytes/Bulk Avg", whole(backward.bulk.mean_bytes()));
        out.column("Bwd Packet/Bulk Avg", whole(backward.bulk.mean_packets()));
        out.column("Bwd Bulk Rate Avg", whole(backward.bulk.rate()));
        let subflows = self.subflows as f64;
        let (packets, back) = (
            forward.lengths.count() as f64,
            backward.lengths.count() as f64,
        );
        out.column("Subflow Fwd Packets", self.quotient(packets, subflows));
        out.column(
            "Subflow Fwd Bytes",
            self.quotient(forward.lengths.sum(), subflows),
        );
        out.column("Subflow Bwd Packets", self.quotient(back, subflows));
        out.column(
            "Subflow Bwd Bytes",
            self.quotient(backward.lengths.sum(), subflows),
        );
    }

    fn windows(&self, out: &mut impl Sink) {
        let (forward, backward) = (&self.forward, &self.backward);
        let window = |direction: &Direction| whole(direction.window);
        out.column("FWD Init Win Bytes", window(forward));
        out.column("Bwd Init Win Bytes", window(backward));
        out.column("Fwd Act Data Pkts", count(forward.with_data));
        if self.rules.has_added_columns {
            out.column("Bwd Act Data Pkts", count(backward.with_data));
        }
        out.column("Fwd Seg Size Min", whole(forward.header_min));
        if self.rules.has_added_columns {
            out.column("Bwd Seg Size Min", whole(backward.header_min));
        }
    }

    fn beyond_the_original(&self, out: &mut impl Sink) {
        let icmp = |part: Option<u8>| Value::Whole(part.map_or(-1, i64::from));
        out.column("ICMP Code", icmp(self.icmp.map(|(code, _)| code)));
        out.column("ICMP Type", icmp(self.icmp.map(|(_, kind)| kind)));
        let (forward, backward) = (self.forward.retransmitted, self.backward.retransmitted);
        out.column("Fwd TCP Retrans. Count", whole(forward));
        out.column("Bwd TCP Retrans. Count", whole(backward));
        out.column("Total TCP Retrans. Count", whole(forward + backward));
        let connection = self.earlier_us + self.duration_us();
        let has_connections = matches!(self.protocol, 6 | 17);
        let connection = if has_connections { connection } else { 0 };
        out.column("Total Connection Flow Time", Value::Whole(connection));
    }
}

fn whole(value: impl Into<i64>) -> Value {
    Value::Whole(value.into())
}

fn count(value: u64) -> Value {
    Value::Whole(i64::try_from(value).unwrap_or(i64::MAX))
}

fn signed(address: IpAddr) -> Vec<i8> {
    match address {
        IpAddr::V4(address) => address.octets().map(u8::cast_signed).to_vec(),
        IpAddr::V6(address) => address.octets().map(u8::cast_signed).to_vec(),
    }
}

/// Mean, deviation, largest and smallest.
fn spread(out: &mut impl Sink, names: [&'static str; 4], of: &Summary) {
    let [mean, deviation, max, min] = names;
    out.column(mean, Value::Real(of.mean()));
    out.column(deviation, Value::Real(of.deviation()));
    out.column(max, Value::Real(of.max()));
    out.column(min, Value::Real(of.min()));
}
