//! Which receivers hear of an incident, and when.

use event::Timestamp;
use event::incident::{Incident, Severity};
use jiff::civil::Time;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::condition::{Condition, Facts};
use super::config::{ConfigError, Receiver};

/// Routes at most.
const MAX_ROUTES: usize = 256;

/// A route: the first whose condition holds decides, and those after it only where it says `continue`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Route {
    /// A condition in CEL over `incident`. None: it always holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// Incidents below are not taken by this route.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub min_severity: Option<Severity>,
    /// Names of receivers. None: all of them; an empty list: nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receivers: Option<Vec<String>>,
    /// Whether later routes are asked too.
    #[serde(rename = "continue", skip_serializing_if = "std::ops::Not::not")]
    pub goes_on: bool,
    /// When nobody is disturbed: what comes up waits until the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quiet: Option<Quiet>,
}

/// Hours in which nobody is disturbed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Quiet {
    /// From `HH:MM`.
    pub from: String,
    /// To `HH:MM`; before `from`: on the next day.
    pub to: String,
    /// Days on which it begins: `mon`, `tue`, `wed`, `thu`, `fri`, `sat`, `sun`. None: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<Day>,
    /// The time zone, `Europe/Berlin`. None: the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// From this severity on people are disturbed all the same.
    #[serde(default = "critical")]
    #[schemars(with = "String")]
    pub except: Severity,
}

fn critical() -> Severity {
    Severity::Critical
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// Routes that were read and checked.
#[derive(Debug)]
pub struct Routes {
    routes: Vec<Compiled>,
}

#[derive(Debug)]
struct Compiled {
    when: Option<Condition>,
    min_severity: Severity,
    receivers: Option<Vec<String>>,
    goes_on: bool,
    quiet: Option<Hours>,
}

#[derive(Debug)]
struct Hours {
    from: Time,
    to: Time,
    days: Vec<Day>,
    zone: TimeZone,
    except: Severity,
}

impl Routes {
    /// Checks and compiles routes. Where there are none, everybody hears of everything.
    ///
    /// # Errors
    /// The first thing that can't be.
    pub fn compile(routes: &[Route], receivers: &[Receiver]) -> Result<Routes, ConfigError> {
        let usual = [Route::default()];
        let routes = match routes {
            [] => usual.as_slice(),
            routes => routes,
        };
        let wrong = |at: usize, reason: String| ConfigError {
            place: format!("route {}", at + 1),
            reason,
        };
        if routes.len() > MAX_ROUTES {
            return Err(wrong(MAX_ROUTES, format!("at most {MAX_ROUTES} routes")));
        }
        let compile = |(at, route): (usize, &Route)| {
            route.compile(receivers).map_err(|reason| wrong(at, reason))
        };
        let routes = routes
            .iter()
            .enumerate()
            .map(compile)
            .collect::<Result<_, _>>()?;
        Ok(Routes { routes })
    }

    /// Whether, and not before when, the receiver hears of the incident.
    #[must_use]
    pub fn when(
        &self,
        receiver: &str,
        incident: &Incident,
        facts: &Facts,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let mut earliest = None;
        for route in &self.routes {
            if incident.severity < route.min_severity
                || route.when.as_ref().is_some_and(|when| !when.holds(facts))
            {
                continue;
            }
            let names = |all: &Vec<String>| all.iter().any(|name| name == receiver);
            if route.receivers.as_ref().is_none_or(names) {
                let quiet = route
                    .quiet
                    .as_ref()
                    .filter(|quiet| incident.severity < quiet.except);
                let at = quiet.and_then(|quiet| quiet.end(now)).unwrap_or(now);
                earliest = Some(earliest.map_or(at, |other: Timestamp| other.min(at)));
            }
            if !route.goes_on {
                break;
            }
        }
        earliest
    }
}

impl Route {
    fn compile(&self, receivers: &[Receiver]) -> Result<Compiled, String> {
        for name in self.receivers.iter().flatten() {
            if !receivers.iter().any(|receiver| receiver.name == *name) {
                return Err(format!("no receiver is named {name}"));
            }
        }
        let when = self.when.as_deref().map(Condition::compile).transpose();
        Ok(Compiled {
            when: when.map_err(|reason| format!("when: {reason}"))?,
            min_severity: self.min_severity.unwrap_or(Severity::Informational),
            receivers: self.receivers.clone(),
            goes_on: self.goes_on,
            quiet: self.quiet.as_ref().map(Quiet::compile).transpose()?,
        })
    }
}

impl Quiet {
    fn compile(&self) -> Result<Hours, String> {
        let time = |text: &str| {
            let wrong = || format!("quiet: {text:?} is no time such as 22:00");
            let (hour, minute) = text.split_once(':').ok_or_else(wrong)?;
            let hour = hour.parse().map_err(|_| wrong())?;
            let minute = minute.parse().map_err(|_| wrong())?;
            Time::new(hour, minute, 0, 0).map_err(|_| wrong())
        };
        let zone = match &self.zone {
            Some(name) => {
                TimeZone::get(name).map_err(|_| format!("quiet: there is no time zone {name}"))?
            }
            None => TimeZone::system(),
        };
        let (from, to) = (time(&self.from)?, time(&self.to)?);
        if from == to {
            return Err("quiet: from and to are the same".into());
        }
        Ok(Hours {
            from,
            to,
            days: self.days.clone(),
            zone,
            except: self.except,
        })
    }
}

impl Hours {
    /// When the quiet that holds at `now` ends; None where none holds.
    fn end(&self, now: Timestamp) -> Option<Timestamp> {
        let instant = jiff::Timestamp::from_nanosecond(now.nanos().into()).ok()?;
        let here = instant.to_zoned(self.zone.clone());
        let (today, time) = (here.date(), here.time());
        let over_night = self.to <= self.from;
        let (begins, ends) = match (over_night, time >= self.from, time < self.to) {
            (false, true, true) => (today, today),
            (true, true, _) => (today, today.tomorrow().ok()?),
            (true, false, true) => (today.yesterday().ok()?, today),
            _ => return None,
        };
        let day = match begins.weekday() {
            jiff::civil::Weekday::Monday => Day::Mon,
            jiff::civil::Weekday::Tuesday => Day::Tue,
            jiff::civil::Weekday::Wednesday => Day::Wed,
            jiff::civil::Weekday::Thursday => Day::Thu,
            jiff::civil::Weekday::Friday => Day::Fri,
            jiff::civil::Weekday::Saturday => Day::Sat,
            jiff::civil::Weekday::Sunday => Day::Sun,
        };
        if !self.days.is_empty() && !self.days.contains(&day) {
            return None;
        }
        let end = ends.to_datetime(self.to).to_zoned(self.zone.clone()).ok()?;
        let nanos = i64::try_from(end.timestamp().as_nanosecond()).ok()?;
        Some(Timestamp::from_nanos(nanos))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::sample;

    const RECEIVERS: &str =
        "[{name: chat, webhook: {url: 'http://x'}}, {name: pager, webhook: {url: 'http://x'}}]";

    fn compile(routes: &str) -> Result<Routes, String> {
        let receivers: Vec<Receiver> = serde_yaml_ng::from_str(RECEIVERS).unwrap();
        let routes: Vec<Route> = serde_yaml_ng::from_str(routes).map_err(|e| e.to_string())?;
        Routes::compile(&routes, &receivers).map_err(|error| error.to_string())
    }

    /// Who hears of a high incident at the moment, and after how many seconds.
    fn check(routes: &str, at: &str, expected: &[(&str, u64)]) {
        let routes = compile(routes).unwrap();
        let incident = sample::incident(1);
        let facts = Facts::of(&incident);
        let now: Timestamp = at.parse().unwrap();
        let heard: Vec<(&str, u64)> = ["chat", "pager"]
            .into_iter()
            .filter_map(|name| {
                let at = routes.when(name, &incident, &facts, now)?;
                Some((name, at.since(now).as_secs()))
            })
            .collect();
        assert_eq!(heard, expected);
    }

    const NOON: &str = "2026-01-05T12:00:00Z";

    #[test]
    fn without_routes_everybody_hears_of_everything() {
        check("[]", NOON, &[("chat", 0), ("pager", 0)]);
    }

    #[test]
    fn the_first_route_that_holds_decides_unless_it_goes_on() {
        check(
            "[{when: \"incident.severity == 'high'\", receivers: [pager]}, {receivers: [chat]}]",
            NOON,
            &[("pager", 0)],
        );
        check(
            "[{when: 'incident.level > 2', receivers: [pager], continue: true}, {receivers: [chat]}]",
            NOON,
            &[("chat", 0), ("pager", 0)],
        );
        check(
            "[{min_severity: critical, receivers: [pager]}, {receivers: [chat]}]",
            NOON,
            &[("chat", 0)],
        );
        check("[{receivers: []}]", NOON, &[]);
    }

    #[test]
    fn quiet_hours_hold_back_until_their_end() {
        let night = |more: &str| {
            format!(
                "[{{quiet: {{from: '22:00', to: '07:00', zone: Europe/Berlin{more}}}, receivers: [chat]}}]"
            )
        };
        // Berlin is an hour ahead in winter.
        check(&night(""), "2026-01-05T12:00:00Z", &[("chat", 0)]);
        check(&night(""), "2026-01-05T21:00:00Z", &[("chat", 9 * 3600)]);
        check(&night(""), "2026-01-06T05:59:59Z", &[("chat", 1)]);
        check(&night(""), "2026-01-06T06:00:00Z", &[("chat", 0)]);
        check(
            &night(", except: high"),
            "2026-01-05T22:00:00Z",
            &[("chat", 0)],
        );
        // 2026-01-05 is a Monday; the night to Tuesday begins on Monday.
        check(
            &night(", days: [mon]"),
            "2026-01-06T02:00:00Z",
            &[("chat", 4 * 3600)],
        );
        check(
            &night(", days: [tue]"),
            "2026-01-06T02:00:00Z",
            &[("chat", 0)],
        );
        let day = "[{quiet: {from: '08:00', to: '18:00', zone: UTC}, receivers: [chat]}]";
        check(day, "2026-01-05T12:00:00Z", &[("chat", 6 * 3600)]);
        check(day, "2026-01-05T19:00:00Z", &[("chat", 0)]);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let refused = |routes: &str| compile(routes).unwrap_err();
        assert!(
            refused("[{}, {receivers: [pagr]}]").contains("route 2: no receiver is named pagr")
        );
        assert!(refused("[{when: 'incident.x'}]").contains("route 1: when: no such field: x"));
        assert!(refused("[{quiet: {from: '25:00', to: '7:00'}}]").contains("no time"));
        assert!(refused("[{quiet: {from: '7:00', to: '7:00'}}]").contains("the same"));
        assert!(
            refused("[{quiet: {from: '7:00', to: '8:00', zone: Mars/Olympus}}]")
                .contains("no time zone")
        );
        assert!(refused("[{recievers: [chat]}]").contains("unknown field"));
    }
}
