//! How rare the rarest features of a flow are among flows of its service.

/// Features that count. Many tell nearly the same, so what is odd is odd in several.
const MOST: usize = 10;

/// It has learned nothing but the scaling.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rarest;

impl Rarest {
    /// The mean rareness of the rarest features.
    pub(super) fn score(self, inputs: &[f32]) -> f32 {
        let mut rarest = [0.0_f32; MOST];
        for input in inputs {
            let mut rare = input.abs();
            for slot in &mut rarest {
                if rare > *slot {
                    std::mem::swap(slot, &mut rare);
                }
            }
        }
        rarest.iter().sum::<f32>() / MOST as f32
    }
}
