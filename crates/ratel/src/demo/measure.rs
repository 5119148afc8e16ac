//! How long an attacker goes on: from the decisive packet to the first packet that is dropped.

use super::lab::{HOST, Lab, Place};
use crate::control::now;
use anyhow::{Result, anyhow, bail};
use event::Timestamp;
use event::action::{Action, State};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// Between two packets of the attacker, and so how fine the figure is.
const STEP: Duration = Duration::from_micros(500);
/// An answer takes well below a millisecond: a packet that has none after this was dropped.
const ANSWERED_WITHIN: Duration = Duration::from_millis(60);
/// Who is not blocked by then is not blocked.
const PATIENCE: Duration = Duration::from_secs(5);
/// What the rule of the measurement looks for.
const DECISIVE: &[u8] = b"ratel-demo decisive packet";

/// One attack.
#[derive(Clone, Copy, Debug)]
pub struct Attack {
    /// Where it came from.
    pub from: IpAddr,
    /// When the decisive packet was sent.
    pub sent: Timestamp,
    /// Until the first packet that was dropped was sent; None where none was.
    pub dropped_after: Option<Duration>,
}

/// The address of the attacker of this number: RFC 2544's addresses for measuring.
#[must_use]
pub fn address(number: u16) -> IpAddr {
    let [high, low] = number.to_be_bytes();
    IpAddr::V4(Ipv4Addr::new(198, 18, high, low))
}

/// Sends the decisive packet and then others, until one is dropped.
pub fn attack(lab: &Lab, from: IpAddr) -> Result<Attack> {
    let attacking = lab.inside(Place::Attacker, move || go(from))?;
    attacking
        .join()
        .map_err(|_| anyhow!("a thread of the demo panicked"))??
}

fn go(from: IpAddr) -> Result<Attack> {
    let socket = UdpSocket::bind(SocketAddr::new(from, 0))?;
    socket.set_nonblocking(true)?;
    let to = SocketAddr::new(HOST, 7);
    if !is_answered(&socket, to)? {
        bail!("{from} is not answered before its attack");
    }
    let (begun, sent) = (Instant::now(), now());
    socket.send_to(DECISIVE, to)?;
    // When each packet was sent, and whether it was answered.
    let mut packets: Vec<(Duration, bool)> = Vec::new();
    let mut first_open = 0;
    let mut answer = [0; 64];
    while begun.elapsed() < PATIENCE {
        let number = u32::try_from(packets.len())?.to_be_bytes();
        packets.push((begun.elapsed(), false));
        // The attacker's own kernel has nothing against it.
        socket.send_to(&number, to)?;
        std::thread::sleep(STEP);
        while let Ok((len, _)) = socket.recv_from(&mut answer) {
            if let Some(number) = answer.get(..len).and_then(|a| <[u8; 4]>::try_from(a).ok())
                && let Some(packet) = packets.get_mut(u32::from_be_bytes(number) as usize)
            {
                packet.1 = true;
            }
        }
        while packets.get(first_open).is_some_and(|packet| packet.1) {
            first_open += 1;
        }
        if let Some((at, false)) = packets.get(first_open)
            && begun.elapsed() > *at + ANSWERED_WITHIN
        {
            return Ok(Attack {
                from,
                sent,
                dropped_after: Some(*at),
            });
        }
    }
    Ok(Attack {
        from,
        sent,
        dropped_after: None,
    })
}

fn is_answered(socket: &UdpSocket, to: SocketAddr) -> Result<bool> {
    let mut answer = [0; 64];
    for _ in 0..50 {
        socket.send_to(b"hello", to)?;
        std::thread::sleep(Duration::from_millis(4));
        if socket.recv_from(&mut answer).is_ok() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A part of the time between the decisive packet and the proof.
pub struct Part {
    /// From what to what.
    pub name: &'static str,
    /// When it begins and ends, where that is known of an attack and its action.
    ends: fn(Timestamp, &Action) -> Option<[Timestamp; 2]>,
    /// How long it took, attack by attack.
    pub took: Vec<Duration>,
}

impl Part {
    /// Takes what an attack says about this part.
    pub fn of(&mut self, sent: Timestamp, action: &Action) {
        if let Some([begin, end]) = (self.ends)(sent, action) {
            self.took.push(end.since(begin));
        }
    }
}

/// The parts, in the order of the flow.
#[must_use]
pub fn parts() -> Vec<Part> {
    let part = |name, ends| Part {
        name,
        ends,
        took: Vec::new(),
    };
    vec![
        part(
            "sending to capture (the packet's time stamp)",
            |sent, action| Some([sent, action.why.trigger?.packet?]),
        ),
        part("capture to bus: ring, detection, record", |_, action| {
            let trigger = action.why.trigger?;
            Some([trigger.packet?, trigger.published?])
        }),
        part("bus: published to read", |_, action| {
            let trigger = action.why.trigger?;
            Some([trigger.published?, trigger.read])
        }),
        part("plan: read to planned", |_, action| {
            Some([action.why.trigger?.read, action.planned])
        }),
        part("firewall: planned to in the kernel", |_, action| {
            Some([action.planned, action.executed?])
        }),
        part("verify: in the kernel to proved", |_, action| {
            let is_proved = matches!(action.state, State::Effective { .. });
            is_proved.then_some([action.executed?, action.changed])
        }),
    ]
}

/// The value below which this share of the values lie; values are sorted by it.
#[must_use]
pub fn quantile(values: &mut [Duration], share: f64) -> Duration {
    values.sort_unstable();
    let last = values.len().saturating_sub(1);
    let at = (share * last as f64).ceil() as usize;
    values.get(at.min(last)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_a_value_that_was_seen() {
        let check = |values: &[u64], share, expected| {
            let mut values: Vec<_> = values.iter().copied().map(Duration::from_millis).collect();
            assert_eq!(
                quantile(&mut values, share),
                Duration::from_millis(expected)
            );
        };
        check(&[], 0.5, 0);
        check(&[7], 0.99, 7);
        check(&[3, 1, 2], 0.5, 2);
        check(&[1, 2, 3, 100], 0.99, 100);
    }
}
