//! `/api/v1/users`: who may log in.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use event::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use super::app::{App, of_listing};
use super::extract::{Json, Path, Query, Who};
use super::page;
use super::routes::Routes;
use super::shapes::{self, Moment};
use crate::api::problem::Problem;
use crate::auth::{Refusal, Role};

/// The routes.
pub fn routes() -> Routes {
    Routes::default()
        .at(Role::Admin, routes!(list))
        .at(Role::Admin, routes!(create))
        .at(Role::Admin, routes!(change))
        .at(Role::Admin, routes!(remove))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Paging {
    /// Users on the page.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// What the page before said in `next`.
    #[param(format = "cursor")]
    cursor: Option<String>,
}

/// Somebody who may log in.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct User {
    /// Small letters.
    pub name: String,
    #[schema(value_type = shapes::Role)]
    pub role: Role,
    /// Whether the password is one that somebody else chose.
    pub must_change_password: bool,
    /// Whether logging in is refused.
    pub disabled: bool,
    #[schema(value_type = Moment)]
    pub created: Timestamp,
    #[schema(value_type = Option<Moment>)]
    pub last_login: Option<Timestamp>,
}

/// A page of users.
#[derive(Debug, Serialize, ToSchema)]
struct UserPage {
    items: Vec<User>,
    /// What to pass as `cursor` for the next page; null on the last.
    next: Option<String>,
}

/// A user to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewUser {
    #[schema(
        min_length = 1,
        max_length = 64,
        pattern = r"^[A-Za-z0-9][A-Za-z0-9._@-]*$"
    )]
    name: String,
    #[schema(value_type = shapes::Role)]
    role: Role,
    /// To be changed at the first login. Nothing: one is made and told in the answer, once.
    #[serde(default)]
    #[schema(min_length = 12, max_length = 256, format = Password)]
    password: Option<String>,
}

/// A user who was made.
#[derive(Serialize, ToSchema)]
struct NewUserMade {
    #[serde(flatten)]
    user: User,
    /// The password that was made: told this once.
    one_time_password: Option<String>,
}

/// What changes; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UserChange {
    #[serde(default)]
    #[schema(value_type = Option<shapes::Role>)]
    role: Option<Role>,
    #[serde(default)]
    disabled: Option<bool>,
    /// A new password, to be changed at the next login; ends the user's sessions.
    #[serde(default)]
    #[schema(min_length = 12, max_length = 256, format = Password)]
    password: Option<String>,
    /// True makes a new password, told in the answer, once.
    #[serde(default)]
    reset_password: bool,
}

impl User {
    fn of(user: state::users::User) -> User {
        User {
            name: user.name,
            role: user.role,
            must_change_password: user.must_change,
            disabled: user.disabled,
            created: user.created,
            last_login: user.last_login,
        }
    }
}

impl NewUserMade {
    fn of(made: crate::auth::accounts::Made) -> NewUserMade {
        NewUserMade {
            user: User::of(made.user),
            one_time_password: made.one_time_password,
        }
    }
}

/// Lists users.
#[utoipa::path(get, path = "/users", tag = "users", params(Paging),
    responses((status = 200, body = UserPage)))]
async fn list(app: App, Query(paging): Query<Paging>) -> Result<Json<UserPage>, Problem> {
    let paging = page::of_state(paging.limit, paging.cursor)?;
    let found = app.state()?.users().list(&paging).await;
    let found = found.map_err(of_listing)?;
    let found = found.map(User::of);
    Ok(Json(UserPage {
        items: found.items,
        next: found.next,
    }))
}

/// Makes a user.
#[utoipa::path(post, path = "/users", tag = "users", request_body = NewUser,
    responses((status = 201, body = NewUserMade), (status = 409, response = shapes::Refusal)))]
async fn create(app: App, Who(who): Who, Json(asked): Json<NewUser>) -> Result<Response, Refusal> {
    let auth = app.auth()?;
    let chosen = asked.password.as_deref();
    let made = auth
        .new_user(&who, &asked.name, asked.role, chosen, app.now())
        .await?;
    Ok((StatusCode::CREATED, Json(NewUserMade::of(made))).into_response())
}

/// Changes a user. The last admin stays one.
#[utoipa::path(patch, path = "/users/{name}", tag = "users", request_body = UserChange,
    params(("name" = String, Path, description = "The user's name")),
    responses((status = 200, body = NewUserMade), (status = 409, response = shapes::Refusal)))]
async fn change(
    app: App,
    Who(who): Who,
    Path(name): Path<String>,
    Json(asked): Json<UserChange>,
) -> Result<Response, Refusal> {
    let password = match (&asked.password, asked.reset_password) {
        (Some(chosen), _) => Some(Some(chosen.as_str())),
        (None, true) => Some(None),
        (None, false) => None,
    };
    let auth = app.auth()?;
    let made = auth
        .change_user(&who, &name, asked.role, asked.disabled, password, app.now())
        .await?;
    Ok(Json(NewUserMade::of(made)).into_response())
}

/// Removes a user, their sessions and tokens. The last admin stays.
#[utoipa::path(delete, path = "/users/{name}", tag = "users",
    params(("name" = String, Path, description = "The user's name")),
    responses((status = 204, description = "Gone"), (status = 409, response = shapes::Refusal)))]
async fn remove(app: App, Who(who): Who, Path(name): Path<String>) -> Result<Response, Refusal> {
    app.auth()?.remove_user(&who, &name).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
