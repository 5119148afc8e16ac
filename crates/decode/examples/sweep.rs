use decode::{capture::Reader, packet::*};
use std::time::Instant;
fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let quiet = args.len() > 3;
    let (mut files, mut bytes, mut pk) = (0, 0u64, 0u64);
    let t = Instant::now();
    for path in &args {
        let t1 = Instant::now();
        let mut d = Decoder::new(Config::default());
        let f = match std::fs::File::open(path) { Ok(f) => f, Err(e) => { println!("{path}: {e}"); continue } };
        let mut emitted = 0u64; let mut maxdepth = 0; let mut badsum = 0;
        match Reader::new(f) {
            Err(e) => println!("ERR {path}: {e}"),
            Ok(mut r) => loop {
                match r.next() {
                    Err(e) => { println!("ERR {path}: {e}"); break }
                    Ok(None) => break,
                    Ok(Some(frame)) => d.decode(&frame, |p| { emitted += 1; maxdepth = maxdepth.max(p.depth); if !p.checksum_ok() { badsum += 1 } }),
                }
            },
        }
        files += 1; bytes += d.counters().get(Counter::Bytes); pk += d.counters().get(Counter::Pkts);
        let c = d.counters();
        if c.unknown_link > 0 { println!("UNKNOWN {path}: {:?} x{}", c.last_unknown_link, c.unknown_link); }
        if t1.elapsed().as_millis() > 500 { println!("SLOW {path}: {:?}", t1.elapsed()); }
        if !quiet {
            println!("{path}: emitted {emitted} depth {maxdepth} badsum {badsum}");
            for (n, v) in c.iter() { if v > 0 { println!("  {n} {v}"); } }
        }
    }
    println!("{files} files, {pk} packets, {bytes} bytes in {:?}", t.elapsed());
}
