//! A small SMTP server that a test tells how to answer, and that remembers what it took.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What the server does once it has the data of a message.
#[derive(Clone, Copy, Debug)]
pub enum After {
    /// It takes it.
    Take,
    /// It does not, now.
    Later,
    /// It takes it, and the connection breaks before it says so.
    Lose,
}

/// A server on a port of loopback.
pub struct Smtp {
    pub address: SocketAddr,
    taken: Arc<Mutex<Vec<String>>>,
}

impl Smtp {
    /// Answers by `after`, which is given the number of the message, from 0.
    pub fn start(after: impl Fn(usize) -> After + Send + Sync + 'static) -> Smtp {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let taken: Arc<Mutex<Vec<String>>> = Arc::default();
        let (of_thread, after) = (Arc::clone(&taken), Arc::new(after));
        thread::spawn(move || {
            let mut messages = 0;
            for stream in listener.incoming().flatten() {
                let _ = talk(&stream, &mut messages, &*after, &of_thread);
            }
        });
        Smtp { address, taken }
    }

    /// The messages that it took.
    pub fn taken(&self) -> Vec<String> {
        self.taken.lock().unwrap().clone()
    }
}

fn talk(
    mut stream: &TcpStream,
    messages: &mut usize,
    after: &dyn Fn(usize) -> After,
    taken: &Mutex<Vec<String>>,
) -> Option<()> {
    let mut reader = BufReader::new(stream);
    stream.write_all(b"220 test\r\n").ok()?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|len| *len > 0)?;
        let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
        if verb != "DATA" {
            let answer = if verb == "QUIT" {
                "221 bye\r\n"
            } else {
                "250 yes\r\n"
            };
            stream.write_all(answer.as_bytes()).ok()?;
            continue;
        }
        stream.write_all(b"354 go\r\n").ok()?;
        let mut data = String::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok().filter(|len| *len > 0)?;
            if line == ".\r\n" {
                break;
            }
            data.push_str(&line);
        }
        *messages += 1;
        match after(*messages - 1) {
            After::Take => {
                taken.lock().unwrap().push(data);
                stream.write_all(b"250 taken\r\n").ok()?;
            }
            After::Later => stream.write_all(b"451 later\r\n").ok()?,
            After::Lose => {
                taken.lock().unwrap().push(data);
                return None;
            }
        }
    }
}
