//! Writes the example capture to the path given: a morning in a small network, and what went wrong.

mod messages;
mod story;

fn main() -> std::io::Result<()> {
    let path = std::env::args_os().nth(1);
    let path = path.ok_or_else(|| std::io::Error::other("usage: example-capture FILE"))?;
    std::fs::write(path, decode::build::pcap(&story::frames()))
}
