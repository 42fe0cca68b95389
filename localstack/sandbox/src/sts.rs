//! STS: who is calling.

use crate::refusal::Refusal;
use crate::state::State;
use crate::wire::input::Input;
use crate::wire::output::{Output, Record};

pub(crate) fn get_caller_identity(state: &State, _input: &Input) -> Result<Output, Refusal> {
    let account = &state.settings.account_id;
    Ok(Record::new()
        .put("UserId", "AIDASANDBOXSANDBOX0")
        .put("Account", account)
        .put("Arn", format!("arn:aws:iam::{account}:user/sandbox"))
        .into())
}
