//! `ratel demo`: a lab of network namespaces in which Ratel is attacked for real, and answers.

mod attack;
mod lab;
mod measure;
mod ratel;
mod services;
mod story;
mod unknown;

use anyhow::{Context, Result, bail};
use event::action::{Action, State};
use lab::{Lab, Place};
use ratel::Ratel;
use services::Over;
use std::io::Write as _;
use std::net::IpAddr;
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use story::{SCENES, Scene, is_answered};

/// `ratel demo`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Measure instead of telling: so many attacks, how long each went on, part by part.
    #[arg(long, value_name = "NUMBER")]
    attacks: Option<u16>,
}

/// How long an answer to an attack is waited for.
const PATIENCE: Duration = Duration::from_secs(8);
/// How often what was waited for is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// What the demo must be able to do, and what gives it that.
const NEEDS: &str = "the demo makes network namespaces and changes their firewalls, never the \
    host's own: it needs root (sudo ratel demo), iproute2 and nftables";

/// Runs the demo; exit status 1 where anything was not as it should be.
pub fn run(args: &Args) -> Result<ExitCode> {
    if !rustix::process::geteuid().is_root() {
        bail!("{NEEDS}");
    }
    let folder = std::env::temp_dir().join(format!("ratel-demo-{}", std::process::id()));
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make {}", folder.display()))?;
    let result = play(args, &folder);
    if result.is_ok() {
        let _ = std::fs::remove_dir_all(&folder);
    } else {
        let _ = say(&format!("What Ratel said is in {}", folder.display()));
    }
    result
}

fn play(args: &Args, folder: &std::path::Path) -> Result<ExitCode> {
    let lab = Lab::build().context(NEEDS)?;
    let before = lab.firewall(Place::Host)?;
    let over = Over::default();
    let (host, neighbour) = (over.clone(), over.clone());
    let serving = [
        lab.inside(Place::Host, move || services::host(&host))?,
        lab.inside(Place::Neighbour, move || services::neighbour(&neighbour))?,
    ];
    let mut ratel = Ratel::start(&lab, folder)?;
    say(
        "A lab of three network namespaces stands: attacker, host, neighbour. Ratel runs on the host, in enforce mode.",
    )?;
    let went_well = match args.attacks {
        None => tell_story(&lab, &mut ratel)?,
        Some(attacks) => measure(&lab, &mut ratel, attacks)?,
    };
    let undone = undo(&lab, &mut ratel, args.attacks.is_none())?;
    ratel.stop()?;
    let after = lab.firewall(Place::Host)?;
    let is_clean = before == after;
    say(if is_clean {
        "The firewall's rules are byte for byte what they were before."
    } else {
        "The firewall's rules are NOT what they were before."
    })?;
    over.store(true, Ordering::Relaxed);
    for service in serving {
        // The services end by themselves; what they answered was seen already.
        let _ = service.join();
    }
    Ok(if went_well && undone && is_clean {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn tell_story(lab: &Lab, ratel: &mut Ratel) -> Result<bool> {
    let mut went_well = true;
    for scene in SCENES {
        went_well &= play_scene(lab, ratel, scene)?;
    }
    went_well &= unknown::play()?;
    Ok(went_well)
}

/// One attack, from its first packet to the proof.
fn play_scene(lab: &Lab, ratel: &mut Ratel, scene: &Scene) -> Result<bool> {
    say(&format!("\n{} {}", scene.from, scene.title))?;
    if !is_answered(lab, scene.from)? {
        say("  before: the host does not answer it; this is no fair attack")?;
        return Ok(false);
    }
    let (begun, from, attack) = (Instant::now(), scene.from, scene.attack);
    let attacking = lab.inside(Place::Attacker, move || attack(from))?;
    let alert = wait(|| Ok(ratel.alert(scene.sid, scene.from)))?;
    let Some(alert) = alert else {
        say("  NOT seen")?;
        return Ok(false);
    };
    say(&format!("  seen     {:>5} ms  {alert}", ms(begun)))?;
    let decided = wait(|| ratel.action(scene.from))?;
    let Some(decided) = decided else {
        say("  NOT answered")?;
        return Ok(false);
    };
    say(&format!("  decided  {:>5} ms  {}", ms(begun), decided.what))?;
    // What the attacker still sends is what the proof counts.
    let _ = attacking.join();
    let still = is_answered(lab, scene.from)?;
    say(if still {
        "  knocks   again: STILL answered"
    } else {
        "  knocks   again: nobody answers"
    })?;
    let mut last = decided;
    let proved = wait(|| {
        let now = ratel.action(scene.from)?;
        Ok(now.filter(|action| {
            last = action.clone();
            matches!(action.state, State::Effective { .. })
        }))
    })?;
    match &last.state {
        State::Effective { evidence } => say(&format!(
            "  proved   {:>5} ms  held by {}; {} stopped, {} ended",
            ms(begun),
            evidence.held_by.join(", "),
            counted(evidence.packets_stopped, "packet"),
            counted(evidence.connections_ended.into(), "connection")
        ))?,
        other => say(&format!("  NOT proved: {other:?}"))?,
    }
    Ok(proved.is_some() && !still)
}

/// Takes everything back, and sees that it is.
fn undo(lab: &Lab, ratel: &mut Ratel, asks: bool) -> Result<bool> {
    say("\nEverything is undone: ratel actions undo --all")?;
    ratel.undo_all()?;
    let done = wait(|| {
        let open = ratel.actions()?.iter().any(Action::is_in_force);
        Ok((!open).then_some(()))
    })?;
    let mut went_well = done.is_some();
    if asks {
        for scene in SCENES {
            let is_back = is_answered(lab, scene.from)?;
            went_well &= is_back;
            if !is_back {
                say(&format!("  {} is STILL not answered", scene.from))?;
            }
        }
        if went_well {
            say("  every address is answered again")?;
        }
    }
    Ok(went_well)
}

/// Many attacks in one run, and how long each went on.
fn measure(lab: &Lab, ratel: &mut Ratel, attacks: u16) -> Result<bool> {
    let mut done = Vec::new();
    for number in 0..attacks {
        done.push(measure::attack(lab, measure::address(number))?);
    }
    // The last ones are verified a little later.
    std::thread::sleep(Duration::from_secs(2));
    let actions = ratel.actions()?;
    let mut all: Vec<Duration> = done
        .iter()
        .filter_map(|attack| attack.dropped_after)
        .collect();
    say(&format!(
        "{} attacks, {} ended by a drop; from the decisive packet:",
        done.len(),
        all.len()
    ))?;
    let told = |what: &str, values: &mut [Duration]| {
        let figure = |share, values: &mut [Duration]| {
            measure::quantile(values, share).as_secs_f64() * 1000.0
        };
        say(&format!(
            "  {what:<44} median {:7.1} ms, p99 {:7.1} ms",
            figure(0.5, values),
            figure(0.99, values)
        ))
    };
    told("to the first dropped packet", &mut all)?;
    let mut parts: Vec<measure::Part> = measure::parts();
    for attack in &done {
        if let Some(action) = find(&actions, attack.from) {
            for part in &mut parts {
                part.of(attack.sent, action);
            }
        }
    }
    for part in &mut parts {
        told(part.name, &mut part.took)?;
    }
    Ok(all.len() == done.len())
}

fn find(actions: &[Action], from: IpAddr) -> Option<&Action> {
    actions
        .iter()
        .find(|action| action.what.target().contains(from))
}

/// Looks again and again until there is something or it took too long.
fn wait<T>(mut look: impl FnMut() -> Result<Option<T>>) -> Result<Option<T>> {
    let begun = Instant::now();
    loop {
        if let Some(found) = look()? {
            return Ok(Some(found));
        }
        if begun.elapsed() > PATIENCE {
            return Ok(None);
        }
        std::thread::sleep(LOOK);
    }
}

fn counted(count: u64, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

fn ms(begun: Instant) -> u128 {
    begun.elapsed().as_millis()
}

fn say(line: &str) -> Result<()> {
    writeln!(std::io::stdout(), "{line}").context("cannot write to standard output")
}
