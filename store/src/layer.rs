//! Layers: what they hold ([`index`]), a stack of them as one tree ([`view`]), and their ways to and from tar and files.

pub(crate) mod codec;
pub(crate) mod files;
pub mod index;
pub(crate) mod layout;
pub(crate) mod pack;
pub mod scan;
pub mod stamps;
pub mod tar;
pub mod unpack;
pub mod view;

#[cfg(test)]
pub(crate) mod testing;
