//! `ratel users` and `ratel tokens`: who may come in. Straight to the state, whether a Ratel runs or not: whoever may
//! read it may do this, also where nobody can log in any more.

use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use console::auth::{Auth, Principal, Role};
use state::users::User;
use state::{Page, Paging, State};

use crate::backup::wait;
use crate::cli::Format;
use crate::control::now;
use crate::site::Site;
use crate::{Usage, span, table};

/// Bytes of a password that is read from a file.
const MAX_PASSWORD: u64 = 4_096;

/// `ratel users …`.
#[derive(Debug, Subcommand)]
pub enum Users {
    /// List users.
    List(Where),
    /// Make a user. Without a password one is made and printed once.
    Add(Add),
    /// Give a user another password, to be changed at the next login; ends their sessions.
    Passwd(Passwd),
    /// Give a user another role; ends their sessions.
    Role(Another),
    /// Let a user log in no more; ends their sessions.
    Disable(One),
    /// Let a user log in again.
    Enable(One),
    /// Remove a user with their sessions and tokens.
    Remove(One),
}

/// `ratel tokens …`.
#[derive(Debug, Subcommand)]
pub enum Tokens {
    /// List tokens.
    List(Where),
    /// Make a token; it is printed once.
    Add(NewToken),
    /// Take a token back.
    Remove(OneToken),
}

/// Where the state is.
#[derive(Debug, Args)]
pub struct Where {
    /// The configuration.
    #[arg(short = 'c', long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// How it is printed.
    #[arg(short = 'o', long = "output", value_enum, default_value_t)]
    format: Format,
}

/// `ratel users add`.
#[derive(Debug, Args)]
pub struct Add {
    /// The user's name.
    name: String,
    /// What they may do: viewer, analyst, responder, admin.
    #[arg(long, default_value_t = Role::Viewer)]
    role: Role,
    #[command(flatten)]
    password: Password,
    #[command(flatten)]
    place: Where,
}

/// `ratel users passwd`.
#[derive(Debug, Args)]
pub struct Passwd {
    /// The user's name.
    name: String,
    #[command(flatten)]
    password: Password,
    #[command(flatten)]
    place: Where,
}

/// A password. Never an argument: others see arguments.
#[derive(Debug, Args)]
struct Password {
    /// A file whose first line is the password; `-` for standard input.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

/// `ratel users role`.
#[derive(Debug, Args)]
pub struct Another {
    /// The user's name.
    name: String,
    /// What they may do: viewer, analyst, responder, admin.
    role: Role,
    #[command(flatten)]
    place: Where,
}

/// One user.
#[derive(Debug, Args)]
pub struct One {
    /// The user's name.
    name: String,
    #[command(flatten)]
    place: Where,
}

/// `ratel tokens add`.
#[derive(Debug, Args)]
pub struct NewToken {
    /// What it is for.
    name: String,
    /// Whose it is: it may no more than they.
    #[arg(long, value_name = "USER")]
    owner: String,
    /// What it may do: ingest (hands in records alone), viewer, analyst, responder, admin.
    #[arg(long, default_value_t = Role::Viewer)]
    role: Role,
    /// When it ends, from now.
    #[arg(long, value_name = "SPAN", value_parser = span::parse, default_value = "365d")]
    expires: u64,
    #[command(flatten)]
    place: Where,
}

/// One token.
#[derive(Debug, Args)]
pub struct OneToken {
    /// The token's name, as `ratel tokens list` shows it.
    id: String,
    #[command(flatten)]
    place: Where,
}

impl Password {
    fn read(&self) -> Result<Option<String>> {
        let Some(path) = &self.password_file else {
            return Ok(None);
        };
        let mut text = String::new();
        if path.as_os_str() == "-" {
            std::io::stdin()
                .take(MAX_PASSWORD)
                .read_to_string(&mut text)?;
        } else {
            let file = std::fs::File::open(path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            file.take(MAX_PASSWORD).read_to_string(&mut text)?;
        }
        let line = text.lines().next().unwrap_or_default().to_owned();
        if line.is_empty() {
            return Err(Usage("the password is empty".to_owned()).into());
        }
        Ok(Some(line))
    }
}

impl Where {
    /// The accounts, and who asks: whoever may read the state may do everything.
    async fn open(&self) -> Result<(Auth, State, Principal)> {
        let site = Site::read(self.config.as_deref())?;
        let state = State::open(&site.state).await?;
        let auth = Auth::for_accounts(&site.console.web.auth, state.clone())?;
        Ok((auth, state, Principal::at_socket("the command line")))
    }

    fn print(&self, tree: &serde_json::Value, text: &str) -> Result<ExitCode> {
        let text = match self.format {
            Format::Json => serde_json::to_string_pretty(tree)? + "\n",
            Format::Text => text.to_owned(),
        };
        // A reader that went away has seen enough.
        let _ = std::io::stdout().write_all(text.as_bytes());
        Ok(ExitCode::SUCCESS)
    }
}

fn tree(user: &User, password: Option<&str>) -> serde_json::Value {
    serde_json::json!({
        "name": user.name, "role": user.role, "disabled": user.disabled,
        "must_change_password": user.must_change, "created": user.created,
        "last_login": user.last_login, "one_time_password": password,
    })
}

fn changed(user: &User, password: Option<&str>) -> String {
    let mut text = format!("{}: {}", user.name, user.role);
    if user.disabled {
        text.push_str(", disabled");
    }
    if let Some(password) = password {
        text.push_str(&format!(
            "\npassword {password} (told this once, to be changed at the first login)"
        ));
    }
    text + "\n"
}

/// Carries out `ratel users …`.
pub fn users(verb: &Users) -> Result<ExitCode> {
    wait(async {
        let (place, made) = match verb {
            Users::List(place) => return list_users(place).await,
            Users::Remove(args) => {
                let (auth, _, by) = args.place.open().await?;
                auth.remove_user(&by, &args.name).await?;
                let tree = serde_json::json!({"removed": args.name});
                return args.place.print(&tree, "removed\n");
            }
            Users::Add(args) => {
                let chosen = args.password.read()?;
                let (auth, _, by) = args.place.open().await?;
                let made = auth.new_user(&by, &args.name, args.role, chosen.as_deref(), now());
                (&args.place, made.await?)
            }
            Users::Passwd(args) => {
                let chosen = args.password.read()?;
                let (auth, _, by) = args.place.open().await?;
                let password = Some(chosen.as_deref());
                let made = auth.change_user(&by, &args.name, None, None, password, now());
                (&args.place, made.await?)
            }
            Users::Role(args) => {
                let (auth, _, by) = args.place.open().await?;
                let made = auth.change_user(&by, &args.name, Some(args.role), None, None, now());
                (&args.place, made.await?)
            }
            Users::Disable(args) | Users::Enable(args) => {
                let disabled = Some(matches!(verb, Users::Disable(_)));
                let (auth, _, by) = args.place.open().await?;
                let made = auth.change_user(&by, &args.name, None, disabled, None, now());
                (&args.place, made.await?)
            }
        };
        let password = made.one_time_password.as_deref();
        place.print(&tree(&made.user, password), &changed(&made.user, password))
    })
}

async fn list_users(place: &Where) -> Result<ExitCode> {
    let (_, state, _) = place.open().await?;
    let mut all = Vec::new();
    let mut paging = Paging::first(state::page::MOST);
    loop {
        let Page { items, next } = state.users().list(&paging).await?;
        all.extend(items);
        paging.cursor = next;
        if paging.cursor.is_none() {
            break;
        }
    }
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|user| {
            let state = match (user.disabled, user.must_change) {
                (true, _) => "disabled",
                (false, true) => "must change the password",
                (false, false) => "active",
            };
            let last = user
                .last_login
                .map_or_else(|| "never".to_owned(), table::local);
            vec![
                user.name.clone(),
                user.role.to_string(),
                state.to_owned(),
                last,
            ]
        })
        .collect();
    let trees = all.iter().map(|user| tree(user, None)).collect();
    let text = table::write(&["USER", "ROLE", "STATE", "LAST LOGIN"], &rows);
    place.print(&serde_json::Value::Array(trees), &text)
}

/// Carries out `ratel tokens …`.
pub fn tokens(verb: &Tokens) -> Result<ExitCode> {
    wait(async {
        match verb {
            Tokens::List(place) => list_tokens(place).await,
            Tokens::Add(args) => {
                let (auth, _, by) = args.place.open().await?;
                let expires = now() + std::time::Duration::from_secs(args.expires);
                let (token, secret) = auth
                    .new_token(
                        &by,
                        &args.owner,
                        &args.name,
                        args.role,
                        Some(expires),
                        now(),
                    )
                    .await?;
                let tree = serde_json::json!({"id": token.id, "owner": token.owner,
                    "role": token.role, "expires": token.expires, "secret": secret});
                args.place.print(&tree, &format!("{secret}\n"))
            }
            Tokens::Remove(args) => {
                let (auth, _, by) = args.place.open().await?;
                auth.revoke_token(&by, &args.id, now()).await?;
                let tree = serde_json::json!({"removed": args.id});
                args.place.print(&tree, "taken back\n")
            }
        }
    })
}

async fn list_tokens(place: &Where) -> Result<ExitCode> {
    let (_, state, _) = place.open().await?;
    let mut all = Vec::new();
    let mut paging = Paging::first(state::page::MOST);
    loop {
        let Page { items, next } = state.tokens().list(None, &paging).await?;
        all.extend(items);
        paging.cursor = next;
        if paging.cursor.is_none() {
            break;
        }
    }
    let when =
        |moment: Option<event::Timestamp>| moment.map_or_else(|| "never".to_owned(), table::local);
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|token| {
            let ends = match token.revoked {
                Some(_) => "taken back".to_owned(),
                None => when(token.expires),
            };
            vec![
                token.id.clone(),
                token.owner.clone(),
                token.role.to_string(),
                ends,
                when(token.last_used),
                token.name.clone(),
            ]
        })
        .collect();
    let trees = all.iter().map(|token| {
        serde_json::json!({"id": token.id, "name": token.name, "owner": token.owner,
            "role": token.role, "created": token.created, "expires": token.expires,
            "last_used": token.last_used, "last_address": token.last_address,
            "revoked": token.revoked})
    });
    let heading = ["TOKEN", "OWNER", "ROLE", "ENDS", "LAST USED", "NAME"];
    place.print(&trees.collect(), &table::write(&heading, &rows))
}
