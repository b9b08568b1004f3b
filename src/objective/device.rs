//! Devices by the names that `--device` takes.

use burn::tensor::{DType, Device};

/// A device that cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// Not a name of a device, or one that this build leaves out.
    #[error(
        "--device {name}: not available; this build knows: {known} (others are cargo features: cuda, vulkan, wgpu)"
    )]
    Unknown {
        /// The name as given.
        name: String,
        /// What would have been possible.
        known: String,
    },
    /// The device lacks a number format.
    #[error("--device {name}: has no 64-bit floats, which {needed_for} needs; use --device cpu")]
    NoDoubles {
        /// The name as given.
        name: String,
        /// What asks for them.
        needed_for: &'static str,
    },
}

/// `cpu`, or `cuda:0`, `vulkan`, `wgpu` where built with the feature of that name.
pub fn device_by_name(
    name: &str,
    doubles_for: Option<&'static str>,
) -> Result<Device, DeviceError> {
    let device = match name.split(':').next() {
        Some("cpu") if name == "cpu" => Some(Device::flex()),
        Some(family) => accelerator(family, name[family.len()..].trim_start_matches(':')),
        None => None,
    };
    let device = device
        .ok_or_else(|| DeviceError::Unknown { name: name.to_owned(), known: known().join(", ") })?;
    match doubles_for {
        Some(needed_for) if !device.supports_dtype(DType::F64) => {
            Err(DeviceError::NoDoubles { name: name.to_owned(), needed_for })
        }
        _ => Ok(device),
    }
}

fn known() -> Vec<&'static str> {
    let mut known = vec!["cpu"];
    known.extend(cfg!(feature = "cuda").then_some("cuda:0"));
    known.extend(cfg!(feature = "vulkan").then_some("vulkan"));
    known.extend(cfg!(feature = "wgpu").then_some("wgpu"));
    known
}

/// The `index`-th device (default 0) of a family; none if the machine has no such device.
fn accelerator(family: &str, index: &str) -> Option<Device> {
    #[cfg(any(feature = "cuda", feature = "vulkan", feature = "wgpu"))]
    {
        use burn::tensor::DeviceType;
        // Asking for a device that is not there panics at its first operation: probe instead.
        let index: usize = if index.is_empty() { 0 } else { index.parse().ok()? };
        let family = match family {
            #[cfg(feature = "cuda")]
            "cuda" => DeviceType::Cuda,
            #[cfg(feature = "vulkan")]
            "vulkan" => DeviceType::Vulkan,
            #[cfg(feature = "wgpu")]
            "wgpu" => DeviceType::Wgpu,
            _ => return None,
        };
        Device::enumerate(family).into_vec().into_iter().nth(index)
    }
    #[cfg(not(any(feature = "cuda", feature = "vulkan", feature = "wgpu")))]
    {
        let _ = (family, index);
        None
    }
}
