//! Layers: what they hold ([`index`]), a stack of them as one tree ([`view`]), and their ways to and from tar and files.

mod codec;
pub mod index;
pub mod unpack;
pub mod view;

#[cfg(test)]
pub(crate) mod testing;
