"""EnvSDD, audio to audio: is an environmental sound real or made by a generator; 4 s each, four test sets.

Source and what is established of it: :mod:`hear_audiomosaic.tasks.steps.deepfakes`. Licence: CC BY 4.0 as users of
the set say; not read at its source, and the real recordings have licences of their own. Rule: train and valid are the
development part's, real recordings and those of one generator of audio to audio (AudioLDM); unseen is AudioLDM 2;
every mode has another test set: test01 seen sources and generators, test02 unseen generators, test03 unseen sources
(DCASE 2023 task 7, Clotho), test04 both unseen.

AudioMosaic reports the equal error rate of each. Deviation: it selects on test01 and takes the false positive rate at
the threshold where both rates are nearest; here selection is on the set's own validation part, and ``eer`` is where
the rates meet on the straight line between two thresholds.
"""

from __future__ import annotations

from hear_audiomosaic.tasks.steps.deepfakes import deepfake_recipe

RECIPE = deepfake_recipe("ata")
