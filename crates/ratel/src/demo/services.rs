//! What the lab's hosts serve: a little HTTP, an SSH banner, echo, DNS that knows nothing.

use std::io::{Read as _, Write as _};
use std::net::{Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How often a service looks whether it is over.
const LOOK: Duration = Duration::from_millis(50);
/// How long a service waits for a client to say something.
const PATIENCE: Duration = Duration::from_millis(500);

/// Ends the services when set.
pub type Over = Arc<AtomicBool>;

/// Answers HTTP and SSH until it is over. Runs inside the namespace it was called in.
pub fn host(over: &Over) -> std::io::Result<()> {
    let http = listen(80)?;
    let ssh = listen(22)?;
    let echo = UdpSocket::bind("0.0.0.0:7")?;
    echo.set_nonblocking(true)?;
    let mut datagram = [0; 512];
    while !over.load(Ordering::Relaxed) {
        let mut is_idle = true;
        // One client after the other is enough for one attacker.
        if let Ok((stream, _)) = http.accept() {
            is_idle = false;
            let _ = answer(
                stream,
                b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n",
            );
        }
        if let Ok((stream, _)) = ssh.accept() {
            is_idle = false;
            let _ = answer(stream, b"SSH-2.0-OpenSSH_9.2\r\n");
        }
        while let Ok((len, from)) = echo.recv_from(&mut datagram) {
            is_idle = false;
            let _ = echo.send_to(datagram.get(..len).unwrap_or_default(), from);
        }
        if is_idle {
            std::thread::sleep(Duration::from_micros(300));
        }
    }
    Ok(())
}

/// Says of each name that there is none, until it is over.
pub fn neighbour(over: &Over) -> std::io::Result<()> {
    let socket = UdpSocket::bind("0.0.0.0:53")?;
    socket.set_read_timeout(Some(LOOK))?;
    let mut query = [0; 512];
    while !over.load(Ordering::Relaxed) {
        let Ok((len, from)) = socket.recv_from(&mut query) else {
            continue;
        };
        if let Some(answer) = query.get_mut(..len)
            && let Some(flags) = answer.get_mut(2..4)
        {
            // An answer, recursion as asked, no such name (RFC 1035, section 4.1.1).
            flags.copy_from_slice(&[0x81, 0x83]);
            let _ = socket.send_to(answer, from);
        }
    }
    Ok(())
}

fn listen(port: u16) -> std::io::Result<TcpListener> {
    let listener = TcpListener::bind(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn answer(mut stream: TcpStream, text: &[u8]) -> std::io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut request = [0; 4096];
    let _ = stream.read(&mut request)?;
    stream.write_all(text)
}
