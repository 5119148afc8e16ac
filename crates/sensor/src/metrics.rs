//! What is counted, by place, and how it is told: to Prometheus, and under EVE's names.
//!
//! For each worker, whenever its ring is empty and for ever once it has stopped:
//! `ring_packets = ring_drops + inspected + filtered + invalid + failed + left_behind`.

use engine::records::stats::Counters;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counts {
    ($($field:ident $metric:literal $help:literal;)*) => {
        /// What one worker counted. One thread writes, any may read: each number is right by itself, and
        /// all of them together once the worker has nothing to do.
        #[derive(Debug, Default)]
        pub(crate) struct Shown {
            $(pub(crate) $field: AtomicU64,)*
        }

        /// The same, as a value.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Counts {
            $(#[doc = $help] pub $field: u64,)*
        }

        impl Shown {
            pub(crate) fn show(&self, counts: &Counts) {
                $(self.$field.store(counts.$field, Ordering::Relaxed);)*
            }

            pub(crate) fn read(&self) -> Counts {
                Counts { $($field: self.$field.load(Ordering::Relaxed),)* }
            }
        }

        impl Counts {
            /// Adds another worker's.
            pub fn add(&mut self, other: &Counts) {
                $(self.$field += other.$field;)*
            }

            /// Names and values.
            pub fn named(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
                [$((stringify!($field), self.$field),)*].into_iter()
            }

            /// Names, values and what they mean.
            fn each(&self) -> impl Iterator<Item = (&'static str, u64, &'static str)> {
                [$(($metric, self.$field, $help),)*].into_iter()
            }
        }
    };
}

counts! {
    ring_packets "ring_packets_total" "Packets that came to the ring, those included that were dropped.";
    ring_drops "ring_dropped_packets_total" "Packets that found no room in the ring.";
    ring_freezes "ring_freezes_total" "How often the ring was full.";
    inspected "inspected_packets_total" "Packets that the engine took.";
    inspected_bytes "inspected_bytes_total" "Bytes of these as they were captured.";
    filtered "filtered_packets_total" "Packets that the filter did not let through.";
    invalid "invalid_frames_total" "Frames of the ring that could not be read.";
    failed "failed_packets_total" "Packets lost where the engine failed and was made anew.";
    left_behind "left_behind_packets_total" "Packets still in the ring when it was given up.";
    truncated "truncated_packets_total" "Packets of which the ring has not all bytes.";
    offloaded "offloaded_checksums_total" "Packets whose checksum was still to be computed by a card.";
    tags_restored "restored_tags_total" "VLAN tags that the card had taken out and that were put back.";
    records "records_total" "Records written.";
    alerts "alerts_total" "Of these, alerts.";
    refused_records "refused_records_total" "Records that the sink did not take.";
    engine_failures "engine_failures_total" "How often the engine failed and was made anew.";
    interface_downs "interface_downs_total" "How often the interface went down or away.";
    rings_opened "rings_opened_total" "How often the ring was opened.";
}

impl Counts {
    /// Packets that were neither inspected nor counted at any place: what waits in the ring, and zero
    /// once there is nothing.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        let places = [
            self.ring_drops,
            self.inspected,
            self.filtered,
            self.invalid,
            self.failed,
            self.left_behind,
        ];
        self.ring_packets
            .saturating_sub(places.into_iter().fold(0, u64::saturating_add))
    }
}

/// One worker, as it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Worker {
    /// Interface that it captures from.
    pub interface: String,
    /// Number among the workers of that interface, from 0.
    pub number: usize,
    /// Whether its ring is open and the interface up, as far as it knows.
    pub is_capturing: bool,
    /// Generation of the rules that it runs.
    pub generation: u64,
    /// What it counted.
    pub counts: Counts,
}

/// The sensor, as it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Its workers.
    pub workers: Vec<Worker>,
    /// Generation of the rules, from 1.
    pub generation: u64,
    /// Reloads that put new rules in place.
    pub reloads: u64,
    /// Reloads that failed: the rules before stayed.
    pub failed_reloads: u64,
    /// What became of packets of flows that alerted.
    pub packets: crate::pcaps::Counts,
}

impl Snapshot {
    /// The sum over all workers.
    #[must_use]
    pub fn total(&self) -> Counts {
        let mut total = Counts::default();
        self.workers.iter().for_each(|w| total.add(&w.counts));
        total
    }

    /// In Prometheus' text format, version 0.0.4.
    #[must_use]
    pub fn prometheus(&self) -> String {
        let mut out = String::new();
        let head = |out: &mut String, name: &str, kind: &str, help: &str| {
            // Writing to a String can't fail.
            let _ = writeln!(out, "# HELP ratel_sensor_{name} {help}");
            let _ = writeln!(out, "# TYPE ratel_sensor_{name} {kind}");
        };
        let line = |out: &mut String, name: &str, worker: &Worker, value: u64| {
            let (interface, number) = (&worker.interface, worker.number);
            let _ = writeln!(
                out,
                "ratel_sensor_{name}{{interface=\"{interface}\",worker=\"{number}\"}} {value}"
            );
        };
        for (at, (name, _, help)) in Counts::default().each().enumerate() {
            head(&mut out, name, "counter", help);
            for worker in &self.workers {
                let value = worker
                    .counts
                    .each()
                    .nth(at)
                    .map_or(0, |(_, value, _)| value);
                line(&mut out, name, worker, value);
            }
        }
        head(
            &mut out,
            "waiting_packets",
            "gauge",
            "Packets that wait in the ring.",
        );
        for worker in &self.workers {
            line(&mut out, "waiting_packets", worker, worker.counts.waiting());
        }
        head(
            &mut out,
            "capturing",
            "gauge",
            "Whether the worker captures.",
        );
        for worker in &self.workers {
            line(&mut out, "capturing", worker, worker.is_capturing.into());
        }
        for (name, kind, help, value) in [
            (
                "rules_generation",
                "gauge",
                "Generation of the rules, from 1.",
                self.generation,
            ),
            (
                "reloads_total",
                "counter",
                "Reloads that put new rules in place.",
                self.reloads,
            ),
            (
                "failed_reloads_total",
                "counter",
                "Reloads that failed.",
                self.failed_reloads,
            ),
            (
                "kept_flows_total",
                "counter",
                "Flows that alerted and whose packets were kept.",
                self.packets.flows,
            ),
            (
                "unkept_flows_total",
                "counter",
                "Flows that alerted while too many others did.",
                self.packets.refused_flows,
            ),
            (
                "kept_packets_total",
                "counter",
                "Packets of flows that alerted, written to files.",
                self.packets.packets,
            ),
            (
                "unkept_packets_total",
                "counter",
                "Packets of flows that alerted for which there was no time.",
                self.packets.dropped_packets,
            ),
            (
                "failed_kept_packets_total",
                "counter",
                "Packets of flows that alerted which could not be written.",
                self.packets.failed_packets,
            ),
        ] {
            head(&mut out, name, kind, help);
            let _ = writeln!(out, "ratel_sensor_{name} {value}");
        }
        out
    }

    /// Adds the counters of a `stats` record: Suricata's names where it has them, and ours under
    /// `ratel.sensor`.
    pub fn add_to(&self, counters: &mut Counters) {
        let total = self.total();
        for (name, value) in [
            ("capture.kernel_packets", total.ring_packets),
            ("capture.kernel_drops", total.ring_drops),
            ("capture.errors", total.invalid + total.interface_downs),
            ("ratel.sensor.ring_freezes", total.ring_freezes),
            ("ratel.sensor.inspected", total.inspected),
            ("ratel.sensor.filtered", total.filtered),
            ("ratel.sensor.invalid", total.invalid),
            ("ratel.sensor.failed", total.failed),
            ("ratel.sensor.left_behind", total.left_behind),
            ("ratel.sensor.waiting", total.waiting()),
            ("ratel.sensor.truncated", total.truncated),
            ("ratel.sensor.records", total.records),
            ("ratel.sensor.refused_records", total.refused_records),
            ("ratel.sensor.rules_generation", self.generation),
            ("ratel.sensor.failed_reloads", self.failed_reloads),
        ] {
            counters.insert(name.to_owned(), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_what_no_place_counted() {
        let counts = Counts {
            ring_packets: 100,
            ring_drops: 10,
            inspected: 50,
            filtered: 5,
            invalid: 1,
            failed: 2,
            left_behind: 3,
            ..Counts::default()
        };
        assert_eq!(counts.waiting(), 29);
    }

    #[test]
    fn tells_prometheus_each_worker() {
        let worker = Worker {
            interface: "eth0".to_owned(),
            number: 1,
            counts: Counts {
                inspected: 7,
                ..Counts::default()
            },
            ..Worker::default()
        };
        let snapshot = Snapshot {
            workers: vec![worker],
            generation: 3,
            ..Snapshot::default()
        };
        let text = snapshot.prometheus();
        let line = "ratel_sensor_inspected_packets_total{interface=\"eth0\",worker=\"1\"} 7\n";
        assert!(text.contains(line), "{text}");
        assert!(text.contains("ratel_sensor_rules_generation 3\n"));
    }
}
