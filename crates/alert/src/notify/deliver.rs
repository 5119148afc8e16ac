//! One attempt: what is sent, to whom, and what came of it.

use std::collections::BTreeMap;
use std::time::Duration;

use event::Timestamp;
use event::incident::{Incident, Status};

use super::World;
use super::alertmanager::AlertmanagerSender;
use super::change::{Change, Receipt, Told};
use super::config::{Receiver, Via};
use super::firebase::FirebaseSender;
use super::mail::MailSender;
use super::pagerduty::PagerdutySender;
use super::queue::{self, InPlace, Many, Policy};
use super::slack::SlackSender;
use super::sms::SmsSender;
use super::teams::TeamsSender;
use super::webhook::WebhookSender;

/// Time for one attempt where nothing is said. Twilio and Slack answer within a second; a mail server
/// that looks for spam takes some.
const TIMEOUT_SECS: u64 = 10;
/// How long is tried where nothing is said: over a day without a receiver somebody notices.
const GIVE_UP_SECS: u64 = 86_400;
/// Between updates of one incident where nothing is said.
const UPDATE_SECS: u64 = 60;
/// How long a first word waits for what follows at once, so that changes made in one breath are told once.
const SETTLE: Duration = Duration::from_millis(300);

/// What is sent in one attempt.
#[derive(Debug)]
pub struct Delivery<'a> {
    /// The same for every attempt with the same content.
    pub key: &'a str,
    /// Incidents; more than one only where the receiver takes several.
    pub items: Vec<Item<'a>>,
    /// An earlier attempt may have arrived; it was made at this time.
    pub repeat_of: Option<Timestamp>,
    /// Where people find the dashboard.
    pub link: Option<&'a str>,
    /// By the clock.
    pub now: Timestamp,
}

/// One incident of a delivery.
#[derive(Debug)]
pub struct Item<'a> {
    /// In the state that is told.
    pub incident: &'a Incident,
    /// What that is to the receiver.
    pub change: Change,
    /// What it was told before.
    pub told: Option<&'a Told>,
    /// Whether it is worth a message of its own where messages change in place.
    pub loud: bool,
    /// What more there is to say about the change; may be empty.
    pub note: &'a str,
}

/// What the receiver called what it took, by incident.
pub type Receipts = BTreeMap<String, Receipt>;

/// Why an attempt failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// What it means.
    pub how: How,
    /// In words, without secrets.
    pub reason: String,
    /// How long the receiver asked us to wait.
    pub retry_after: Option<Duration>,
}

/// What a failure means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It did not arrive.
    Away,
    /// The receiver does not know us: secrets are read again.
    Denied,
    /// Nobody knows whether it arrived.
    Unknown,
    /// It arrived and is not wanted as it is.
    Refused,
}

impl Failed {
    /// A failure without a time to wait.
    pub fn new(how: How, reason: impl Into<String>) -> Failed {
        Failed {
            how,
            reason: reason.into(),
            retry_after: None,
        }
    }
}

impl From<How> for queue::Failure {
    fn from(how: How) -> queue::Failure {
        match how {
            How::Away | How::Denied => queue::Failure::Away,
            How::Unknown => queue::Failure::Unknown,
            How::Refused => queue::Failure::Refused,
        }
    }
}

/// Who sends to one target. Made of the configuration and its secrets.
#[derive(Debug)]
pub enum Sender {
    /// Prometheus' Alertmanager.
    Alertmanager(AlertmanagerSender),
    /// Slack.
    Slack(SlackSender),
    /// E-mail.
    Mail(Box<MailSender>),
    /// Text messages.
    Sms(SmsSender),
    /// Firebase.
    Firebase(Box<FirebaseSender>),
    /// PagerDuty.
    Pagerduty(PagerdutySender),
    /// Microsoft Teams.
    Teams(TeamsSender),
    /// Any server.
    Webhook(WebhookSender),
}

impl Sender {
    /// Reads secrets and certificates.
    ///
    /// # Errors
    /// In words what can't be read or is not as it must be.
    pub fn open(receiver: &Receiver, target: &str, world: &World) -> Result<Sender, String> {
        let timeout = Duration::from_secs(receiver.timeout_secs.unwrap_or(TIMEOUT_SECS));
        let http = || super::http::Http::new(timeout, receiver.ca_file.as_deref());
        Ok(match receiver.via()? {
            Via::Alertmanager(config) => {
                Sender::Alertmanager(AlertmanagerSender::open(config, target, http()?, world)?)
            }
            Via::Slack(config) => Sender::Slack(SlackSender::open(config, http()?, world)?),
            Via::Webhook(config) => Sender::Webhook(WebhookSender::open(config, http()?, world)?),
            Via::Mail(config) => {
                let ca = receiver.ca_file.as_deref();
                let sender = MailSender::open(config, &receiver.name, timeout, ca, world)?;
                Sender::Mail(Box::new(sender))
            }
            Via::Sms(config) => Sender::Sms(SmsSender::open(config, target, http()?, world)?),
            Via::Firebase(config) => {
                Sender::Firebase(Box::new(FirebaseSender::open(config, http()?)?))
            }
            Via::Pagerduty(config) => {
                Sender::Pagerduty(PagerdutySender::open(config, http()?, world)?)
            }
            Via::Teams(config) => Sender::Teams(TeamsSender::open(config, http()?, world)?),
        })
    }

    /// Sends. Blocks until the receiver answered or its time is over.
    ///
    /// # Errors
    /// Why it failed, and what that means.
    pub fn send(&self, delivery: &Delivery<'_>) -> Result<Receipts, Failed> {
        match self {
            Sender::Alertmanager(sender) => sender.send(delivery),
            Sender::Slack(sender) => sender.send(delivery),
            Sender::Mail(sender) => sender.send(delivery),
            Sender::Sms(sender) => sender.send(delivery),
            Sender::Firebase(sender) => sender.send(delivery),
            Sender::Pagerduty(sender) => sender.send(delivery),
            Sender::Teams(sender) => sender.send(delivery),
            Sender::Webhook(sender) => sender.send(delivery),
        }
    }

    /// The Alertmanager that it sends to; None where it is of another kind.
    #[must_use]
    pub fn alertmanager(&self) -> Option<&AlertmanagerSender> {
        match self {
            Sender::Alertmanager(sender) => Some(sender),
            Sender::Slack(_)
            | Sender::Mail(_)
            | Sender::Sms(_)
            | Sender::Firebase(_)
            | Sender::Pagerduty(_)
            | Sender::Teams(_)
            | Sender::Webhook(_) => None,
        }
    }

    /// Ends what a test has opened, where the receiver would keep it open.
    pub fn end_test(
        &self,
        incident: &Incident,
        receipts: &Receipts,
        link: Option<&str>,
        now: Timestamp,
    ) {
        match self {
            Sender::Alertmanager(_) | Sender::Pagerduty(_) => {}
            Sender::Firebase(sender) => {
                let _ = sender.remove(&incident.id, now);
                return;
            }
            Sender::Slack(_)
            | Sender::Mail(_)
            | Sender::Sms(_)
            | Sender::Teams(_)
            | Sender::Webhook(_) => return,
        }
        let mut told = Told::of(incident, now);
        told.receipt = receipts.get(&incident.id).cloned().unwrap_or_default();
        let over = Incident {
            status: Status::Closed,
            revision: incident.revision + 1,
            ..incident.clone()
        };
        let delivery = Delivery {
            key: &queue::key(&over),
            items: vec![Item {
                incident: &over,
                change: Change::Closed,
                told: Some(&told),
                loud: false,
                note: "",
            }],
            repeat_of: None,
            link,
            now,
        };
        // The test was taken; that it stays open for some minutes is no failure of it.
        let _ = self.send(&delivery);
    }
}

/// What is different about a receiver, by its kind and what is set.
#[must_use]
pub fn policy(receiver: &Receiver, via: Via<'_>, target: &str) -> Policy {
    let is_sms = matches!(via, Via::Sms(_));
    let in_place = match via {
        _ if receiver.updates == Some(false) => InPlace::Status,
        Via::Alertmanager(_) | Via::Firebase(_) => InPlace::Everything,
        Via::Slack(slack) if slack.token.is_some() => InPlace::Everything,
        Via::Webhook(_) if receiver.updates == Some(true) => InPlace::Everything,
        Via::Pagerduty(_) => InPlace::Status,
        Via::Slack(_) | Via::Mail(_) | Via::Sms(_) | Via::Teams(_) | Via::Webhook(_) => {
            InPlace::Nothing
        }
    };
    let in_place = match via {
        Via::Mail(_) | Via::Sms(_) | Via::Teams(_) => InPlace::Nothing,
        _ => in_place,
    };
    let many = match via {
        Via::Alertmanager(_) => Many::Batch,
        // An object, or an incident over there, for each of ours: a digest would leave them out.
        Via::Firebase(_) | Via::Pagerduty(_) => Many::Never,
        Via::Slack(_) | Via::Mail(_) | Via::Sms(_) | Via::Teams(_) | Via::Webhook(_) => {
            Many::Digest
        }
    };
    let has_rate = !matches!(via, Via::Alertmanager(_) | Via::Firebase(_));
    let mut seed = 0xcbf2_9ce4_8422_2325_u64;
    for byte in receiver.name.bytes().chain(target.bytes()) {
        seed = (seed ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    Policy {
        resolved: receiver.resolved.unwrap_or(!is_sms),
        updates: receiver.updates.unwrap_or(!is_sms),
        in_place,
        settle: SETTLE,
        update_every: Duration::from_secs(receiver.update_secs.unwrap_or(UPDATE_SECS)),
        give_up: Duration::from_secs(receiver.give_up_secs.unwrap_or(GIVE_UP_SECS)),
        rate: has_rate.then(|| receiver.rate.unwrap_or_default()),
        many,
        repeatable: matches!(via, Via::Alertmanager(_) | Via::Firebase(_)),
        keeps: matches!(via, Via::Alertmanager(_)),
        seed,
    }
}
