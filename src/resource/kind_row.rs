//! One kind of resource is one row: its names at AWS, its calls, and what is particular about it.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::companion::Companion;
use crate::model::attribute::Attribute;
use crate::model::draft::{Draft, Scene};
use crate::model::live::{Live, View};
use crate::model::step::Wait;
use crate::model::{Address, Operation, Resource, Spec};

/// What a kind is called.
#[derive(Clone, Copy)]
pub struct Names {
    /// As in an address: `replicationGroup/prod-cache`.
    pub kind: &'static str,
    /// The key of the spec under which resources of this kind stand.
    pub section: &'static str,
    /// What people call one of them.
    pub noun: &'static str,
    /// The kind in a sentence, for the schema and `explain`.
    pub about: &'static str,
}

/// The form of a kind's ARNs.
#[derive(Clone, Copy)]
pub struct Arn {
    pub service: &'static str,
    /// The type part, such as `replicationgroup`.
    pub resource: &'static str,
    /// Between the type and the id.
    pub separator: char,
    /// Does the ARN name a region?
    pub regional: bool,
}

impl Arn {
    /// The form of ElastiCache's ARNs, such as `arn:aws:elasticache:us-east-1:012345678901:user:app`.
    pub const fn elasticache(resource: &'static str) -> Self {
        Self { service: "elasticache", resource, separator: ':', regional: true }
    }
}

/// The form of the ids that AWS takes for a kind.
#[derive(Clone, Copy)]
pub struct IdForm {
    pub pattern: &'static str,
    pub longest: usize,
    /// The form in words.
    pub words: &'static str,
    /// A name of AWS's own beside that form, which may be referred to and not declared.
    pub of_aws: Option<&'static str>,
}

/// The calls that make, change and delete a resource.
#[derive(Clone, Copy)]
pub struct Calls {
    pub create: Operation,
    pub modify: Operation,
    pub delete: Operation,
    /// The member of those calls that names the resource.
    pub id_member: &'static str,
}

/// The calls that tag a resource.
#[derive(Clone, Copy)]
pub struct TagCalls {
    pub tag: Operation,
    pub untag: Operation,
    /// The member of those calls that holds the ARN.
    pub arn_member: &'static str,
}

impl TagCalls {
    /// ElastiCache's calls, which hold the ARN in `ResourceName`.
    pub const ELASTICACHE: Self = Self {
        tag: Operation::AddTagsToResource,
        untag: Operation::RemoveTagsFromResource,
        arn_member: "ResourceName",
    };
    /// CloudWatch's calls, which hold the ARN in `ResourceARN`.
    pub const CLOUDWATCH: Self =
        Self { tag: Operation::TagResource, untag: Operation::UntagResource, arn_member: "ResourceARN" };
}

/// The states of the resources of a kind.
#[derive(Clone, Copy)]
pub struct States {
    /// AWS's word for a resource at rest.
    pub at_rest: &'static str,
    /// What a change is awaited by.
    pub ready: Wait,
}

/// A secret of a kind: its attribute, and the tag that holds the secret's mark.
#[derive(Clone, Copy)]
pub struct Secret {
    pub attribute: &'static str,
    pub member: &'static str,
    pub tag: &'static str,
    /// Do clients log in with such a secret now?
    pub is_in_force: fn(&Scene<'_>) -> bool,
}

/// How other resources use a kind.
#[derive(Clone, Copy)]
pub struct Use {
    /// The fields of the users that name it, for people.
    pub fields: &'static str,
    /// What AWS says uses the resource now.
    pub users: fn(&Live, &Address) -> BTreeSet<Address>,
}

/// What a create call is made of.
pub struct Creation<'a> {
    pub spec: &'a Spec,
    pub live: &'a Live,
    pub resource: &'a Resource,
    /// A snapshot that the resource is to be filled from.
    pub restore: Option<&'a str>,
    /// What is declared, by the API's names.
    pub parameters: Map<String, Value>,
}

/// One kind of resource: what is to be known of it, and what it does in its own way.
pub struct KindRow {
    pub names: Names,
    pub attributes: &'static [Attribute],
    /// Do clients store data in it?
    pub is_cache: bool,
    /// Does AWS run it without nodes that anyone sees, so that it is its own only node?
    pub is_serverless: bool,
    /// Can AWS be asked to fail one of its primaries over?
    pub fails_over: bool,
    /// Do ids keep their letter case? ElastiCache keeps them in lower case, CloudWatch as they are.
    pub keeps_letter_case: bool,
    pub arn: Arn,
    pub id: IdForm,
    pub calls: Calls,
    /// The permissions that reading one takes, such as `elasticache:DescribeUsers`; of itself first.
    pub reads: &'static [&'static str],
    pub tags: TagCalls,
    /// Where one says itself whose it is: the stack that it notes. Else its tags are asked.
    pub stack_noted: Option<fn(&Value) -> Option<&str>>,
    /// Where a cache has one because a field of it says so, and no spec declares one by itself.
    pub companion: Option<Companion>,
    /// The fields in which the node and the cache that one is written out for may be named.
    pub patterns: &'static [&'static str],
    /// Has a cache so many of them that those which change alike are one line?
    pub in_bulk: bool,
    /// The member of the delete call that takes a list of ids.
    pub deletes_many: Option<&'static str>,
    /// `None`: it is there or not.
    pub states: Option<States>,
    /// AWS's word for how one is, for `status`.
    pub state: for<'a> fn(&View<'a>) -> &'a str,
    /// What one is, for `status`, in the order of importance. What is empty is left out.
    pub facts: fn(&View<'_>) -> Vec<String>,
    pub secret: Option<Secret>,
    pub uses: Option<Use>,
    /// The member of the delete call that names a final snapshot.
    pub final_snapshot: Option<&'static str>,
    /// Are `default` and names that begin with `default.` AWS's, so that none can be declared?
    pub reserves_default: bool,
    /// Is it there, whoever says so, and nobody's to manage?
    pub is_aws_own: fn(&str) -> bool,
    /// What a create call needs besides what is declared.
    pub create: fn(&mut Draft, &mut Creation<'_>),
    /// What follows the create call.
    pub created: fn(&mut Draft, &Creation<'_>),
    /// What the attributes come to together, once each was compared.
    pub finish: fn(&mut Draft, &Scene<'_>),
    /// What stands in the way of a replacement.
    pub replaced: fn(&mut Draft, &Scene<'_>),
}

impl KindRow {
    /// The row of a kind that does nothing in its own way.
    pub const fn plain(names: Names, attributes: &'static [Attribute], arn: Arn, id: IdForm, calls: Calls) -> Self {
        Self {
            names,
            attributes,
            is_cache: false,
            is_serverless: false,
            fails_over: false,
            keeps_letter_case: false,
            arn,
            id,
            calls,
            reads: &[],
            tags: TagCalls::ELASTICACHE,
            stack_noted: None,
            companion: None,
            patterns: &[],
            in_bulk: false,
            deletes_many: None,
            states: None,
            state: |_| "exists",
            facts: |_| Vec::new(),
            secret: None,
            uses: None,
            final_snapshot: None,
            reserves_default: false,
            is_aws_own: |_| false,
            create: |_, _| {},
            created: |_, _| {},
            finish: |_, _| {},
            replaced: |_, _| {},
        }
    }
}
