use grammar::SourceFile;

use super::*;
