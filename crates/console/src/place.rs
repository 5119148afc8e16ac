//! Where a door stands. An address that somebody else has is no reason to be without a console: it is
//! told once and tried again.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::sleep;

/// Between two tries to listen where somebody else does.
const AGAIN: Duration = Duration::from_secs(10);

/// Where a door stands, or is to stand.
#[derive(Debug)]
pub struct Place {
    wanted: SocketAddr,
    listener: Option<std::net::TcpListener>,
    trouble: Option<String>,
}

/// Listens, for a runtime to take.
pub fn listen(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

impl Place {
    /// Listens for `what` there, or says why not.
    pub fn bind(wanted: SocketAddr, what: &str) -> Place {
        match listen(wanted) {
            Ok(listener) => Place {
                wanted,
                listener: Some(listener),
                trouble: None,
            },
            Err(error) => {
                let trouble = format!("no {what} at {wanted}: {error}");
                let secs = AGAIN.as_secs();
                tracing::warn!("console: {trouble}; tried again every {secs} s");
                Place {
                    wanted,
                    listener: None,
                    trouble: Some(trouble),
                }
            }
        }
    }

    /// The port that was chosen for port 0; None where it does not stand.
    pub fn address(&self) -> Option<SocketAddr> {
        let listener = self.listener.as_ref()?;
        listener.local_addr().ok()
    }

    /// Why it does not stand.
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// What accepts, once it stands.
    pub async fn listener(self) -> TcpListener {
        let mut bound = self.listener.map_or_else(|| listen(self.wanted), Ok);
        loop {
            match bound.and_then(TcpListener::from_std) {
                Ok(listener) => return listener,
                // It was told; each further try only tells those who look for it.
                Err(error) => tracing::debug!(%error, "an address is still taken"),
            }
            sleep(AGAIN).await;
            bound = listen(self.wanted);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_somebody_has_is_no_failure() {
        let somebody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = somebody.local_addr().unwrap();
        let place = Place::bind(taken, "metrics");
        assert_eq!(place.address(), None);
        assert!(
            place
                .trouble()
                .is_some_and(|why| why.starts_with("no metrics at "))
        );
        drop(somebody);
        assert_eq!(Place::bind(taken, "metrics").address(), Some(taken));
    }
}
