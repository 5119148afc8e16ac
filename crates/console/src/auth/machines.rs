//! Certificates of roles on other machines: which were taken back, and which follows which.
//!
//! A new certificate takes the place of the old one when it is first shown: until then the old one holds, so that an
//! answer that was lost on its way locks no machine out.

use std::collections::BTreeMap;
use std::time::Duration;

use event::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Auth, Principal, Refusal};

/// Where it stands in the state.
const NAME: &str = "console/certificates";
/// Longer than any certificate of a role holds (30 days): what is over needs no list.
const KEPT: Duration = Duration::from_secs(40 * 86_400);
/// Renewals on the list; some hundred machines renew theirs every twenty days. What is taken back by hand is never
/// refused for want of room.
const MOST: usize = 4_096;
/// A renewed certificate is renewed again no sooner, so that one machine alone does not fill the list.
const REST: Duration = Duration::from_secs(86_400);
/// Times that one certificate is renewed: an answer may be lost on its way.
const RENEWALS: usize = 8;
/// Tries to write what others write at the same moment.
const TRIES: usize = 8;

/// What is kept, by serial number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Register {
    /// Those that are refused, and since when.
    revoked: BTreeMap<String, Timestamp>,
    /// Renewed ones, and of each the one that it was made from, and when. That one ends when the new one is shown.
    follows: BTreeMap<String, (String, Timestamp)>,
}

impl Register {
    fn tidy(&mut self, now: Timestamp) {
        self.revoked.retain(|_, since| now.since(*since) < KEPT);
        self.follows
            .retain(|_, (_, since)| now.since(*since) < KEPT);
    }

    /// The certificate is shown; true where something changed by it.
    fn shown(&mut self, serial: &str, now: Timestamp) -> bool {
        match self.follows.get(serial) {
            Some((old, _)) if !self.revoked.contains_key(old) => {
                self.revoked.insert(old.clone(), now);
                true
            }
            _ => false,
        }
    }

    /// Whether showing it would end another.
    fn is_waiting(&self, serial: &str) -> bool {
        let before = self.follows.get(serial);
        before.is_some_and(|(old, _)| !self.revoked.contains_key(old))
    }

    /// A certificate was renewed. Those that it was renewed to before, and nobody showed, end at once.
    fn renewed(&mut self, old: &str, new: &str, now: Timestamp) -> Result<(), Refusal> {
        if self.revoked.contains_key(old) {
            return Err(Refusal::Unknown("this certificate was taken back"));
        }
        if let Some((_, since)) = self.follows.get(old)
            && now.since(*since) < REST
        {
            return Err(Refusal::TooOften(REST.saturating_sub(now.since(*since))));
        }
        let before = self.follows.iter().filter(|(_, (from, _))| from == old);
        let before: Vec<String> = before.map(|(serial, _)| serial.clone()).collect();
        if before.len() >= RENEWALS || self.follows.len() >= MOST {
            return Err(Refusal::TooOften(REST));
        }
        for serial in before {
            self.revoked.entry(serial).or_insert(now);
        }
        self.follows.insert(new.to_owned(), (old.to_owned(), now));
        Ok(())
    }

    /// Takes a certificate back, and all that came of it by renewing: whoever had the one may have the others.
    fn revoke(&mut self, serial: &str, now: Timestamp) -> bool {
        let mut is_new = false;
        let mut next = vec![serial.to_owned()];
        while let Some(serial) = next.pop() {
            let from = self.follows.iter().filter(|(_, (from, _))| *from == serial);
            // Each has one it was made from, so none comes twice.
            next.extend(from.map(|(serial, _)| serial.clone()));
            is_new |= self.revoked.insert(serial, now).is_none();
        }
        is_new
    }
}

impl Auth {
    /// Whether a role that showed a certificate of ours may come in with it.
    ///
    /// # Errors
    /// It was taken back, or the state fails.
    pub async fn admit_machine(&self, who: &Principal, now: Timestamp) -> Result<(), Refusal> {
        let serial = who.reference.as_deref().unwrap_or_default();
        let (register, _) = self.register().await?;
        if register.revoked.contains_key(serial) {
            tracing::warn!(target: "auth", who = who.name, certificate = serial, "a certificate that was taken back was shown");
            return Err(Refusal::Unknown("this certificate was taken back"));
        }
        if register.is_waiting(serial) {
            self.change(now, |register| Ok(register.shown(serial, now)))
                .await?;
            tracing::info!(target: "auth", who = who.name, certificate = serial, "a new certificate took the place of the old one");
        }
        Ok(())
    }

    /// A machine was given a new certificate: the old one ends when the new one is shown.
    ///
    /// # Errors
    /// It was taken back, or renewed too often; the state fails.
    pub async fn certificate_follows(
        &self,
        old: &str,
        new: &str,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        self.change(now, |register| {
            register.renewed(old, new, now).map(|()| true)
        })
        .await
    }

    /// Takes a certificate of a machine back, with all that it was renewed to.
    ///
    /// # Errors
    /// The text is no serial number; the state fails.
    pub async fn revoke_certificate(
        &self,
        by: &Principal,
        serial: &str,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let serial = self::serial(serial)
            .ok_or_else(|| Refusal::Bad(format!("{serial:?} is no serial number")))?;
        self.change(now, |register| Ok(register.revoke(&serial, now)))
            .await?;
        tracing::info!(target: "auth", who = by.name, certificate = serial, "a certificate was taken back");
        Ok(())
    }

    /// Whether a certificate that was let in was taken back since.
    ///
    /// # Errors
    /// The state fails.
    pub(super) async fn is_taken_back(&self, serial: &str) -> Result<bool, Refusal> {
        Ok(self.register().await?.0.revoked.contains_key(serial))
    }

    async fn register(&self) -> Result<(Register, u64), Refusal> {
        let Some((text, version)) = self.state().kv().get(NAME).await? else {
            return Ok((Register::default(), 0));
        };
        // What can't be read may say that somebody is to be refused.
        let read = serde_json::from_str(&text);
        let failed =
            |error| Refusal::Failed(format!("the list of certificates can't be read: {error}"));
        Ok((read.map_err(failed)?, version))
    }

    async fn change(
        &self,
        now: Timestamp,
        change: impl Fn(&mut Register) -> Result<bool, Refusal>,
    ) -> Result<(), Refusal> {
        for _ in 0..TRIES {
            let (mut register, version) = self.register().await?;
            register.tidy(now);
            if !change(&mut register)? {
                return Ok(());
            }
            // Texts and times: writing them can't fail.
            let text = serde_json::to_string(&register).unwrap_or_default();
            if self.state().kv().swap(NAME, version, &text, now).await? {
                return Ok(());
            }
        }
        Err(Refusal::Unavailable(
            "others change the list of certificates: try again",
        ))
    }
}

/// A serial number as the list has it: bytes in hexadecimal with colons. Programs write it in capitals and without.
#[must_use]
pub fn serial(text: &str) -> Option<String> {
    let digits: String = text.trim().chars().filter(|c| *c != ':').collect();
    // RFC 5280 section 4.1.2.2: at most 20 bytes.
    let is_number = digits.len().is_multiple_of(2)
        && (2..=40).contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let digits = digits.to_ascii_lowercase();
    let bytes = digits.as_bytes().chunks(2).map(String::from_utf8_lossy);
    is_number.then(|| bytes.collect::<Vec<_>>().join(":"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_number_is_read_in_every_form_and_nothing_else_is_one() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(serial(text).as_deref(), expected, "{text}");
        };
        check("0a:1b:ff", Some("0a:1b:ff"));
        check("0A1BFF", Some("0a:1b:ff"));
        check(" 0A:1B:FF\n", Some("0a:1b:ff"));
        check("senosr-2.crt", None);
        check("abc", None);
        check("", None);
        check(&"ab".repeat(21), None);
    }

    #[test]
    fn what_was_renewed_from_a_certificate_ends_with_it() {
        let at = |days: i64| Timestamp::new(days * 86_400, 0);
        let mut register = Register::default();
        register.renewed("a", "b", at(1)).unwrap();
        assert!(register.shown("b", at(2)));
        register.renewed("b", "c", at(3)).unwrap();
        // By the copy that an admin has, though it was replaced long ago.
        register.revoke("a", at(4));
        for serial in ["a", "b", "c"] {
            assert!(register.revoked.contains_key(serial), "{serial}");
        }
        assert!(register.renewed("c", "d", at(30)).is_err());
    }

    #[test]
    fn a_renewal_that_nobody_showed_ends_with_the_next_one() {
        let now = Timestamp::new(86_400, 0);
        let mut register = Register::default();
        register.renewed("a", "b", now).unwrap();
        register.renewed("a", "c", now).unwrap();
        assert!(register.revoked.contains_key("b"));
        assert!(!register.is_waiting("a"));
        assert!(register.shown("c", now));
        assert!(register.revoked.contains_key("a"));
    }

    #[test]
    fn one_machine_does_not_fill_the_list() {
        let now = Timestamp::new(86_400, 0);
        let mut register = Register::default();
        for number in 0..RENEWALS {
            register.renewed("a", &format!("b{number}"), now).unwrap();
        }
        assert!(register.renewed("a", "more", now).is_err());
        assert!(register.shown("b7", now));
        assert!(register.renewed("b7", "c", now).is_err());
    }

    #[test]
    fn an_old_certificate_ends_when_the_new_one_is_shown() {
        let at = |days: i64| Timestamp::new(days * 86_400, 0);
        let mut register = Register::default();
        register.renewed("old", "new", at(1)).unwrap();
        assert!(!register.shown("old", at(2)));
        assert!(register.revoked.is_empty());
        assert!(register.shown("new", at(2)));
        assert_eq!(register.revoked.keys().collect::<Vec<_>>(), ["old"]);
        assert!(!register.shown("new", at(3)));
        register.tidy(at(41));
        assert_eq!(register.revoked.len(), 1);
        register.tidy(at(43));
        assert_eq!(register, Register::default());
    }
}
