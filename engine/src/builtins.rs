//! Built-in functions of the language.
