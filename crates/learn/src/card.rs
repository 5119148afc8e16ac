//! A model card: what a model was trained on, what it is worth beside the others, and where it fails.
//!
//! Markdown with drawings beside it, after M. Mitchell et al., "Model Cards for Model Reporting", 2019.

mod draw;

#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use crate::measure::Measures;
use crate::read::Report;
use crate::trial::{Entry, FIGURES, Figure, Outcome};

/// A difference below this is none, whatever the spread over the seeds.
const LEAST_DIFFERENCE: f64 = 0.002;
/// Kinds of a confusion matrix that are printed; beyond it the table is too wide to read.
const MAX_KINDS: usize = 30;

/// What a card tells.
#[derive(Debug)]
pub struct Card<'a> {
    /// The model's name.
    pub name: &'a str,
    /// The program's version.
    pub version: &'a str,
    /// The files.
    pub data: &'a [Report],
    /// What was learned from and what was held out, in words.
    pub split: &'a str,
    /// Rows to learn from, rows to be judged on, and how many of these are in both.
    pub rows: (usize, usize, usize),
    /// The settings, as YAML.
    pub settings: &'a str,
    /// The models, the one that the card is about first.
    pub entries: &'a [Entry],
    /// Other things that readers must know.
    pub limits: &'a [String],
}

/// A file of the card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its name.
    pub name: &'static str,
    /// What is in it.
    pub text: String,
}

impl Card<'_> {
    /// The card and its drawings.
    #[must_use]
    pub fn files(&self) -> Vec<File> {
        let mut text = String::new();
        self.write(&mut text);
        let mut files = vec![File {
            name: "CARD.md",
            text,
        }];
        let curves: Vec<(&str, &crate::measure::Curves)> = self
            .entries
            .iter()
            .filter_map(|entry| Some((entry.model.as_str(), &entry.outcomes.first()?.curves)))
            .collect();
        if let Some((_, first)) = curves.first() {
            for (name, text) in [
                ("roc.svg", draw::roc(&curves)),
                ("pr.svg", draw::pr(&curves)),
                ("reliability.svg", draw::reliability(first)),
            ] {
                files.push(File { name, text });
            }
        }
        files
    }

    fn write(&self, out: &mut String) {
        // Writing to memory does not fail: the results are not looked at.
        let _ = writeln!(out, "# {}\n", line(self.name));
        let _ = writeln!(out, "Trained and judged by ratel {}.\n", self.version);
        self.write_data(out);
        self.write_figures(out);
        if let Some(outcome) = self
            .entries
            .first()
            .and_then(|entry| entry.outcomes.first())
        {
            write_confusion(out, &outcome.measures);
            write_kinds(out, &outcome.measures);
            write_classes(out, outcome);
        }
        let _ = writeln!(
            out,
            "## Curves\n\nOf the first seed.\n\n![ROC curve](roc.svg) ![Precision by recall](pr.svg) \
             ![Reliability](reliability.svg)\n"
        );
        self.write_limits(out);
        let _ = writeln!(
            out,
            "## Settings\n\n```yaml\n{}\n```",
            self.settings.trim_end()
        );
    }

    fn write_data(&self, out: &mut String) {
        let _ = writeln!(out, "## Data\n");
        let _ = writeln!(
            out,
            "| file | format | flows | unlabelled | lines left out | SHA-256 |"
        );
        let _ = writeln!(out, "|---|---|---|---|---|---|");
        for report in self.data {
            let _ = writeln!(
                out,
                "| {} | {} | {} | {} | {} | `{}` |",
                line(&report.file),
                report.format,
                report.rows,
                report.unlabelled,
                report.bad,
                report.sha256
            );
        }
        let (train, test, both) = self.rows;
        let _ = writeln!(
            out,
            "\n{}. {train} flows to learn from, {test} to be judged on; {both} of these equal one that was learned \
             from in all features.\n",
            line(self.split)
        );
    }

    fn write_figures(&self, out: &mut String) {
        let seeds = self.entries.first().map_or(0, |entry| entry.outcomes.len());
        let _ = writeln!(out, "## What it is worth\n");
        let _ = writeln!(
            out,
            "Mean and standard deviation over {seeds} seeds; detection is the share of attacks found where 1 % or \
             5 % of the normal flows are false positives.\n"
        );
        let _ = write!(out, "| model |");
        for figure in &FIGURES {
            let _ = write!(out, " {} |", figure.name);
        }
        let _ = writeln!(out, "\n|---|{}", "---|".repeat(FIGURES.len()));
        for entry in self.entries {
            let _ = write!(out, "| {} |", line(&entry.model));
            for figure in &FIGURES {
                let spread = entry.spread(figure);
                let _ = write!(out, " {:.4} ± {:.4} |", spread.mean, spread.deviation);
            }
            let _ = writeln!(out);
        }
        let _ = writeln!(out, "\n{}\n", self.verdict());
    }

    /// Where another model is better, in words.
    #[must_use]
    pub fn verdict(&self) -> String {
        let Some((first, others)) = self.entries.split_first() else {
            return String::new();
        };
        let mut worse = Vec::new();
        for figure in &FIGURES {
            let own = first.spread(figure);
            let better = |entry: &&Entry| {
                let other = entry.spread(figure);
                let gain = gain(figure, other.mean, own.mean);
                gain > LEAST_DIFFERENCE.max(own.deviation).max(other.deviation)
            };
            let by = |entry: &&Entry| gain(figure, entry.spread(figure).mean, own.mean);
            let best = others
                .iter()
                .filter(better)
                .max_by(|a, b| by(a).total_cmp(&by(b)));
            if let Some(best) = best {
                let other = best.spread(figure);
                worse.push(format!(
                    "**{} wins by {}**: {:.4} against {:.4}",
                    best.model, figure.name, other.mean, own.mean
                ));
            }
        }
        match worse.is_empty() {
            true => format!(
                "No other model is better than {} by more than the spread over the seeds.",
                first.model
            ),
            false => format!(
                "Other models are better than {} here: {}. Who values that most takes the other one \
                 (`ratel learn train --model`).",
                first.model,
                worse.join("; ")
            ),
        }
    }

    fn write_limits(&self, out: &mut String) {
        let _ = writeln!(out, "## Limits\n");
        for limit in [
            "The figures hold for the data above. Traffic of another network has other rates of false positives: \
             train on your own, and watch the drift that the running system reports.",
            "A kind of attack that looks like normal traffic flow by flow is not found by features of flows.",
            "A probability is calibrated on flows like those learned from; of new kinds it says too little.",
        ] {
            let _ = writeln!(out, "- {limit}");
        }
        for limit in self.limits {
            let _ = writeln!(out, "- {}", line(limit));
        }
        let _ = writeln!(out);
    }
}

fn gain(figure: &Figure, other: f64, own: f64) -> f64 {
    if figure.is_gain {
        other - own
    } else {
        own - other
    }
}

fn write_confusion(out: &mut String, measures: &Measures) {
    let c = measures.confusion;
    let _ = writeln!(
        out,
        "## Confusion\n\nOf the first seed, at probability {:.2}.\n\n\
         | | told attack | told normal |\n|---|---|---|\n| is attack | {} | {} |\n| is normal | {} | {} |\n",
        measures.threshold,
        c.true_positives,
        c.false_negatives,
        c.false_positives,
        c.true_negatives
    );
}

fn write_kinds(out: &mut String, measures: &Measures) {
    let _ = writeln!(
        out,
        "## Kinds of traffic\n\nShare told to be an attack; of normal traffic these are the false positives.\n\n\
         | kind | flows | learned | found | at 1 % | at 5 % |\n|---|---|---|---|---|---|"
    );
    for kind in &measures.kinds {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {:.4} | {:.4} | {:.4} |",
            line(&kind.name),
            kind.rows,
            if kind.is_unseen { "no" } else { "yes" },
            kind.detected,
            kind.detected_at_1,
            kind.detected_at_5
        );
    }
    let _ = writeln!(out);
}

fn write_classes(out: &mut String, outcome: &Outcome) {
    let Some(classes) = &outcome.classes else {
        return;
    };
    let _ = writeln!(
        out,
        "## Which kind\n\nThe kind is named right for {:.4} of the flows, mean F1 of the kinds {:.4}.\n\n\
         | kind | flows | precision | recall | F1 |\n|---|---|---|---|---|",
        classes.accuracy, classes.macro_f1
    );
    for class in &classes.classes {
        let _ = writeln!(
            out,
            "| {} | {} | {:.4} | {:.4} | {:.4} |",
            line(&class.name),
            class.rows,
            class.precision,
            class.recall,
            class.f1
        );
    }
    if classes.names.len() > MAX_KINDS {
        let _ = writeln!(out);
        return;
    }
    let names: Vec<String> = classes.names.iter().map(|name| line(name)).collect();
    let _ = writeln!(
        out,
        "\n| is \\ told | {} |\n|---|{}",
        names.join(" | "),
        "---|".repeat(names.len())
    );
    for (name, row) in names.iter().zip(&classes.confusion) {
        let cells: Vec<String> = row.iter().map(u64::to_string).collect();
        let _ = writeln!(out, "| {name} | {} |", cells.join(" | "));
    }
    let _ = writeln!(out);
}

/// Text that stays in its cell: names come from files that others wrote.
fn line(text: &str) -> String {
    let tame = |c: char| match c {
        '|' => '/',
        '<' => '(',
        '>' => ')',
        c if c.is_control() => ' ',
        c => c,
    };
    text.chars().map(tame).collect()
}
