//! The flows of a capture as CSV.
use decode::capture::Reader;
use decode::packet::{Config, Decoder};
use features::columns::Value;
use features::{Definition, Meter, Seen, Settings};
use std::io::Write;
fn main() {
    let mut definition = Definition::Corrected;
    let mut path = String::new();
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--compat" => definition = Definition::parse(&args.next().unwrap()).unwrap(),
            "-o" => { args.next(); }
            _ => path = arg,
        }
    }
    let mut reader = Reader::new(std::fs::File::open(path).unwrap()).unwrap();
    let mut decoder = Decoder::new(Config::default());
    let mut meter = Meter::new(Settings { definition, ..Settings::default() });
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut is_first = true;
    let mut tell = |flow: &features::Flow, _| {
        let (mut names, mut values) = (Vec::new(), Vec::new());
        flow.columns(&mut |name: &'static str, value: Value| {
            names.push(name);
            values.push(match value { Value::Text(t) => t, Value::Address(a) => a.to_string(), Value::Whole(n) => n.to_string(), Value::Real(r) => r.to_string() });
        });
        if is_first { writeln!(out, "{}", names.join(",")).unwrap(); is_first = false; }
        writeln!(out, "{}", values.join(",")).unwrap();
    };
    while let Ok(Some(frame)) = reader.next() {
        decoder.decode(&frame, |packet| {
            if let Some(seen) = Seen::of(packet, definition) { meter.add(&seen, &mut tell); }
        });
    }
    meter.finish(&mut tell);
}
