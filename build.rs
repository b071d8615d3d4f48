//! The directive tables of `grammar/` as JSON, which is read in a fraction of the time that YAML takes at every start.

use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let out = std::env::var("OUT_DIR")?;
    for name in ["apache", "nginx"] {
        let from = format!("grammar/{name}.yaml");
        println!("cargo::rerun-if-changed={from}");
        let table: serde_json::Value = serde_yaml::from_str(&std::fs::read_to_string(from)?)?;
        std::fs::write(Path::new(&out).join(name).with_extension("json"), table.to_string())?;
    }
    Ok(())
}
