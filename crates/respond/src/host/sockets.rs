//! Sockets of this host that are connected with a target.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::net::{IpAddr, SocketAddr};

use event::action::{Connection, What};

use crate::protected::host::kernel_address;

/// States of a socket over which data still goes, as `/proc/net/tcp` numbers them: established, both
/// FIN waits, close wait, last ack, closing.
const ALIVE: [&str; 6] = ["01", "04", "05", "08", "09", "0B"];

/// How many living sockets an action is about.
pub fn connected(what: &What) -> io::Result<u32> {
    if let What::DropConnection { connection } = what
        && !super::can_end(connection.proto)
    {
        return Ok(0);
    }
    let mut count = 0;
    alive(|local, peer| count += u32::from(is_about(what, local, peer)))?;
    Ok(count)
}

/// Each living socket of this host, by its two ends.
pub fn alive(mut each: impl FnMut(SocketAddr, SocketAddr)) -> io::Result<()> {
    for table in ["tcp", "tcp6"] {
        let path = format!("/proc/thread-self/net/{table}");
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        for line in BufReader::with_capacity(1 << 16, file).lines() {
            if let Some((local, peer)) = read(&line?) {
                each(local, peer);
            }
        }
    }
    Ok(())
}

fn read(line: &str) -> Option<(SocketAddr, SocketAddr)> {
    let mut words = line.split_ascii_whitespace().skip(1);
    let (local, peer, state) = (words.next()?, words.next()?, words.next()?);
    let end = |text: &str| {
        let (address, port) = text.split_once(':')?;
        let port = u16::from_str_radix(port, 16).ok()?;
        Some(SocketAddr::new(kernel_address(address)?, port))
    };
    ALIVE
        .contains(&state)
        .then(|| Some((end(local)?, end(peer)?)))?
}

fn is_about(what: &What, local: SocketAddr, peer: SocketAddr) -> bool {
    match what {
        What::DropConnection {
            connection: Connection {
                peer: p, local: l, ..
            },
        } => (peer, local) == (*p, *l),
        What::Block { target } | What::RateLimit { target, .. } | What::Redirect { target, .. } => {
            target.contains(peer.ip())
        }
        What::Quarantine { target } => target.contains(peer.ip()) || target.contains(local.ip()),
    }
}

/// The arguments with which `ss` ends them.
pub fn expression(what: &What) -> Vec<String> {
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let of = |address: IpAddr| match address {
        IpAddr::V4(four) => four.to_string(),
        IpAddr::V6(six) => format!("[{six}]"),
    };
    match what {
        What::DropConnection { connection } => words(&format!(
            "-K -H -n -t dst {} dport = :{} and sport = :{}",
            of(connection.peer.ip()),
            connection.peer.port(),
            connection.local.port()
        )),
        What::Block { target } | What::RateLimit { target, .. } | What::Redirect { target, .. } => {
            words(&format!(
                "-K -H -n -t dst {}/{}",
                of(target.address()),
                target.length()
            ))
        }
        What::Quarantine { target } => words(&format!(
            "-K -H -n -t dst {0}/{1} or src {0}/{1}",
            of(target.address()),
            target.length()
        )),
    }
}
