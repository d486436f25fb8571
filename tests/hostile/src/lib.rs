//! Tokens of real clients, changed at every layer, through the whole acceptor.
//!
//! A *parent* is a handshake that the acceptor takes; a *mutant* is the same with something
//! changed: outside, as anybody on the way could, or inside, as nobody could who has not the
//! service's key. No mutant from outside may come in but as its parent did, and none at all once
//! the parent has; a mutant from inside comes in as what it says, as kit reads it, and not at all
//! where a rule is broken.

pub mod capture;
pub mod class;
pub mod corpus;
pub mod decode;
pub mod inside;
pub mod mutate;
pub mod parent;
pub mod parents;
pub mod rng;
pub mod run;
pub mod sys;
pub mod talk;
pub mod tree;
