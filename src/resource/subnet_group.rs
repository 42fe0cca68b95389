//! Subnet groups: the subnets that nodes may be placed in.

use crate::model::attribute::{Attribute, Impact, Phase, Read, Route};
use crate::model::shape::{Field, TAGS, list, text};

#[rustfmt::skip]
pub const ATTRIBUTES: &[Attribute] = &[
    Attribute::new(Field::new("description", "CacheSubnetGroupDescription", text(255), "What the group is for."),
        Read::Own("CacheSubnetGroupDescription"), Route::Call(Phase::Settings), Impact::None, "").import(super::local::not_blank),
    Attribute::new(Field::new("subnetIds", "SubnetIds", list(&text(255), 1, 20), "Subnets of one VPC: 1 to 20.").required(),
        Read::With(|view| Some(view.own("Subnets")?.as_array()?.iter().filter_map(|subnet| subnet.get("SubnetIdentifier").cloned()).collect())),
        Route::Call(Phase::Settings), Impact::None, "A subnet that a node lives in cannot be taken out."),
    Attribute::new(Field::new("tags", "Tags", TAGS, "Tags, over those of the stack. `null` removes one; others are left alone."),
        Read::Never, Route::Whole, Impact::None, ""),
];
