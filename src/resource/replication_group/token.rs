//! AUTH tokens: AWS never returns one, so a tag says which secret is set.

use serde_json::json;

use crate::plan::draft::{Draft, Scene};
use crate::plan::model::Wait;
use crate::resource::attribute::{Difference, Phase};
use crate::resource::live::object;
use crate::resource::secret;

const MODIFY: &str = "ModifyReplicationGroup";

/// Plans the way from what is set to the declared token.
pub fn change(draft: &mut Draft, scene: &Scene<'_>, difference: &Difference) {
    let token = |strategy: &str| {
        object([("AuthToken", difference.declared.clone()), ("AuthTokenUpdateStrategy", json!(strategy))])
    };
    let shown = |draft: &mut Draft| {
        draft.shows(difference);
        if let Some(last) = draft.attributes.last_mut() {
            last.sensitive = true;
        }
    };
    let has_token = scene.view.flag("AuthTokenEnabled");
    let users = crate::resource::live::strings(scene.view.own("UserGroupIds")).next().is_some();
    if users {
        shown(draft);
        let mut call = token("SET");
        call.insert("RemoveUserGroups".into(), json!(true));
        draft.push(Phase::Auth, MODIFY, Wait::Available, call);
        return;
    }
    let address = &scene.resource.address;
    match secret::state(scene.live, address, "authToken", &difference.declared) {
        secret::State::Same => {}
        // Set by somebody else: which token it is, nobody can tell.
        secret::State::Unknown if has_token => {}
        secret::State::Rotating => {
            shown(draft);
            draft.push(Phase::Auth, MODIFY, Wait::Available, token("SET"));
        }
        secret::State::Unknown | secret::State::Different => {
            shown(draft);
            draft.push(Phase::Auth, MODIFY, Wait::Available, token("ROTATE"));
            if scene.options.all_hops {
                draft.push(Phase::Auth, MODIFY, Wait::Available, token("SET"));
            } else {
                draft.remaining.push("authToken SET: apply again once all clients use the new token; until then the old way in stays open".into());
            }
        }
    }
}
