//! The input document.
