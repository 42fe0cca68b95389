//! TLS, tokens, user groups.

use super::Request;
use crate::control::replication_groups::change::{Change, TokenChange, UserGroupChange};
use crate::control::replication_groups::{Tls, request, rules};
use crate::refusal::Refusal;

pub(super) fn encryption(request: Request, change: &mut Change) -> Result<(), Refusal> {
    let Request { group, input, .. } = request;

    let on = input.bool("TransitEncryptionEnabled")?;
    let mode = input.text("TransitEncryptionMode");
    if on.is_none() && mode.is_none() {
        return Ok(());
    }
    if group.access.is_controlled() {
        // Even when nothing would change: ACK issue 2536.
        return Err(Refusal::invalid_combination(
            "Modification of transit encryption is not supported for access control enabled clusters.",
        ));
    }
    let mode = match mode.as_deref() {
        None => None,
        Some("preferred") => Some(Tls::Preferred),
        Some("required") => Some(Tls::Required),
        Some(other) => {
            return Err(Refusal::invalid_value(format!(
                "Invalid value {other} for TransitEncryptionMode. Valid values: preferred, required"
            )));
        }
    };
    let refuse = |text: &str| Err(Refusal::invalid_combination(text));
    let wanted = match (on, mode) {
        (Some(false), Some(_)) => return refuse("TransitEncryptionMode requires TransitEncryptionEnabled to be true."),
        (Some(false), None) => Tls::Off,
        (_, Some(mode)) => mode,
        (Some(true), None) if group.tls == Tls::Off => {
            return refuse("TransitEncryptionMode must be set to preferred when transit encryption is enabled.");
        }
        (_, None) => group.tls,
    };
    if wanted == group.tls {
        return Ok(());
    }
    if !group.version.allows_tls_change() {
        return refuse("Modification of transit encryption requires engine version 7.0.5 or later.");
    }
    match (group.tls, wanted) {
        (Tls::Off, Tls::Required) => {
            return refuse(
                "Transit encryption can only be enabled with TransitEncryptionMode preferred. Change it to required afterwards.",
            );
        }
        (Tls::Off, Tls::Preferred) if on != Some(true) => {
            return refuse("TransitEncryptionMode requires TransitEncryptionEnabled to be true.");
        }
        (Tls::Required, Tls::Off) => {
            return refuse(
                "Transit encryption can only be disabled after TransitEncryptionMode was changed to preferred.",
            );
        }
        _ => {}
    }
    change.tls = Some(wanted);
    Ok(())
}

pub(super) fn access(request: Request, change: &mut Change) -> Result<(), Refusal> {
    let Request { state, group, input, immediately, waiting } = request;
    // A group that is about to lose TLS gets no access control any more.
    let tls = waiting.tls.filter(|tls| *tls == Tls::Off).unwrap_or(group.tls);
    let token = input.text("AuthToken").filter(|token| !token.is_empty());
    let strategy = input.text("AuthTokenUpdateStrategy");
    let add = input.texts("UserGroupIdsToAdd").unwrap_or_default();
    let remove = if input.bool("RemoveUserGroups")?.unwrap_or(false) {
        group.access.user_groups.clone()
    } else {
        input.texts("UserGroupIdsToRemove").unwrap_or_default()
    };
    let refuse = |text: &str| Err(Refusal::invalid_combination(text));
    if (token.is_some() || strategy.is_some()) && !immediately {
        return refuse("To modify the auth token, set the apply-immediately parameter to true.");
    }
    let own = ["AuthToken", "AuthTokenUpdateStrategy", "UserGroupIdsToAdd", "UserGroupIdsToRemove", "RemoveUserGroups"];
    if (token.is_some() || strategy.is_some())
        && let Some(other) = super::beside(input, &own)
    {
        // AWS guide, auth: a token is changed in a call of its own.
        return Err(Refusal::invalid_combination(format!("AuthToken can not be modified together with {other}.")));
    }
    let keeps_user_groups = group.access.user_groups.iter().any(|id| !remove.contains(id));
    change.token = match (token, strategy.as_deref()) {
        (None, None) => None,
        (None, Some("DELETE")) if add.is_empty() => {
            // upjet issue 1370.
            return Err(Refusal::invalid_value("Auth token update strategy delete is not supported currently"));
        }
        (None, Some("DELETE")) => group.access.has_token().then_some(TokenChange::Delete),
        (Some(_), Some("DELETE")) => {
            return refuse("AuthToken must not be specified when AuthTokenUpdateStrategy is DELETE.");
        }
        (None, Some("SET" | "ROTATE")) => {
            return refuse("AuthTokenUpdateStrategy must be specified together with AuthToken.");
        }
        (Some(token), None | Some("ROTATE")) => Some(TokenChange::Rotate(token)),
        (Some(token), Some("SET")) => Some(TokenChange::Set(token)),
        (_, Some(other)) => {
            return Err(Refusal::invalid_value(format!(
                "Invalid value {other} for AuthTokenUpdateStrategy. Valid values: SET, ROTATE, DELETE"
            )));
        }
    };
    if let Some(TokenChange::Rotate(token) | TokenChange::Set(token)) = &change.token {
        request::auth_token(token)?;
        if tls == Tls::Off {
            return refuse("AuthToken is only supported when TransitEncryptionEnabled is true.");
        }
        if keeps_user_groups {
            // TF issue 34496.
            return refuse(
                "Auth tokens can't be enabled with a user group already associated. Pass RemoveUserGroups to proceed.",
            );
        }
        let sets = matches!(change.token, Some(TokenChange::Set(_)));
        if sets && !group.access.tokens.contains(token) {
            // AWS guide, auth; API model: "SET - allowed only after ROTATE". So too beside RemoveUserGroups. What AWS
            // says of a SET that is sent again is not known; here it changes nothing.
            return refuse(
                "SET can only be used with a cluster that has 2 AUTH tokens or 1 optional AUTH token from using a ROTATE strategy before.",
            );
        }
    }
    let loses_token = change.token == Some(TokenChange::Delete);
    if !add.is_empty() && group.access.has_token() && !loses_token {
        // TF issue 31710.
        return refuse("User group can't be associated with auth token enabled. Pass AuthStrategy delete to proceed.");
    }
    if let Some(id) = remove.iter().find(|id| !group.access.user_groups.contains(id)) {
        return Err(Refusal::invalid_value(format!("User group {id} is not associated with the replication group.")));
    }
    let added: Vec<String> =
        add.iter().filter(|id| !group.access.user_groups.contains(id) || remove.contains(id)).cloned().collect();
    let after: Vec<String> =
        group.access.user_groups.iter().filter(|id| !remove.contains(id)).chain(&added).cloned().collect();
    if !added.is_empty() {
        rules::user_groups_fit(state, &after, group.version.engine, tls)?;
    }
    if !added.is_empty() || !remove.is_empty() {
        change.user_groups = Some(UserGroupChange { add: added, remove });
    }
    Ok(())
}
