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

/// `cpu`, or `cuda:0`, `vulkan`, `wgpu` where built with the feature of that name; the first of a family
/// where no number is given.
pub fn device_by_name(
    name: &str,
    doubles_for: Option<&'static str>,
) -> Result<Device, DeviceError> {
    let device = match name.split_once(':') {
        None if name == "cpu" => Some(Device::flex()),
        None => devices(name).into_iter().next(),
        Some((family, index)) => {
            index.parse().ok().and_then(|index| devices(family).into_iter().nth(index))
        }
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

/// The name of the device for one of several processes on a machine: those of a family in turn, where
/// `name` has no number.
pub fn device_of(name: &str, process: usize) -> String {
    match devices(name).len() {
        0 => name.to_owned(),
        count => format!("{name}:{}", process % count),
    }
}

fn known() -> Vec<&'static str> {
    let mut known = vec!["cpu"];
    known.extend(cfg!(feature = "cuda").then_some("cuda"));
    known.extend(cfg!(feature = "vulkan").then_some("vulkan"));
    known.extend(cfg!(feature = "wgpu").then_some("wgpu"));
    known
}

/// The devices of a family on this machine; none of a family that this build leaves out. Asking for one
/// that is not there would panic at its first operation.
fn devices(family: &str) -> Vec<Device> {
    #[cfg(gpu)]
    {
        use burn::tensor::DeviceType;
        let family = match family {
            #[cfg(feature = "cuda")]
            "cuda" => DeviceType::Cuda,
            #[cfg(feature = "vulkan")]
            "vulkan" => DeviceType::Vulkan,
            #[cfg(feature = "wgpu")]
            "wgpu" => DeviceType::Wgpu,
            _ => return Vec::new(),
        };
        Device::enumerate(family).into_vec()
    }
    #[cfg(not(gpu))]
    {
        let _ = family;
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_share_a_cpu_and_take_no_device_that_is_not_there() {
        assert_eq!(device_of("cpu", 3), "cpu");
        assert_eq!(device_of("cuda:1", 3), "cuda:1");
        for name in ["cpu:0", "cuda:x", "gpu", ""] {
            let message = device_by_name(name, None).err().map(|error| error.to_string());
            assert!(message.is_some_and(|text| text.contains("this build knows: cpu")), "{name}");
        }
    }
}
