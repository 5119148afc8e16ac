//! `/api/v1/certificates`: roles on other machines renew theirs; admins take them back.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::app::App;
use super::extract::{Json, Path, Who};
use super::routes::Routes;
use crate::auth::{Refusal, Role, Via};
use crate::tls::authority::serial_of;

/// The longest serial number: 20 bytes in hexadecimal, with colons.
const MAX_SERIAL: usize = 64;

/// The routes.
pub fn routes() -> Routes {
    Routes::default()
        .at(Role::Ingest, routes!(renew))
        .at(Role::Admin, routes!(revoke))
}

/// A request for a certificate.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CertificateRequest {
    /// PKCS #10, PEM. The key is taken from it; name and role stay what the certificate says that is shown.
    #[schema(min_length = 1, max_length = 16_384, format = "certificate-request")]
    request: String,
}

/// A certificate that was made.
#[derive(Debug, Serialize, ToSchema)]
struct RenewedCertificate {
    /// PEM.
    certificate: String,
    /// The authority's (PEM): whom to trust.
    authority: String,
    /// Its serial number.
    serial: String,
}

/// Renews the certificate that a role of another machine shows (TLS with client certificates). The old one holds
/// until the new one is shown.
#[utoipa::path(post, path = "/certificates", tag = "certificates", request_body = CertificateRequest,
    responses((status = 201, body = RenewedCertificate)))]
async fn renew(
    app: App,
    Who(who): Who,
    Json(asked): Json<CertificateRequest>,
) -> Result<Response, Refusal> {
    let (Via::Certificate, Some(old)) = (who.via, who.reference.as_deref()) else {
        let why =
            "only who shows a certificate of a role renews it; `ratel ca issue` makes the first";
        return Err(Refusal::Forbidden(why.to_owned()));
    };
    let authority = app.authority.get().map_err(Refusal::Failed)?;
    let now = app.now();
    let bad = |error: crate::tls::Error| Refusal::Bad(error.to_string());
    let made = authority
        .renew(&asked.request, &who.name, who.role, now)
        .map_err(bad)?;
    let serial = serial_of(&made.certificate)
        .ok_or_else(|| Refusal::Failed("a certificate of ours can't be read".to_owned()))?;
    app.auth()?.certificate_follows(old, &serial, now).await?;
    tracing::info!(target: "auth", who = who.name, old, new = serial, "a certificate was renewed");
    let told = RenewedCertificate {
        certificate: made.certificate,
        authority: authority.pem().to_owned(),
        serial,
    };
    Ok((StatusCode::CREATED, Json(told)).into_response())
}

/// Takes a certificate of a role back, at once.
#[utoipa::path(delete, path = "/certificates/{serial}", tag = "certificates",
    params(("serial" = String, Path, description = "Its serial number, in hexadecimal with colons",
        pattern = "^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){0,19}$")),
    responses((status = 204, description = "It is refused from now on")))]
async fn revoke(app: App, Who(who): Who, Path(serial): Path<String>) -> Result<Response, Refusal> {
    let is_part = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    if serial.len() > MAX_SERIAL || !serial.split(':').all(is_part) {
        return Err(Refusal::Missing(format!("{serial:?} is no serial number")));
    }
    app.auth()?
        .revoke_certificate(&who, &serial, app.now())
        .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
