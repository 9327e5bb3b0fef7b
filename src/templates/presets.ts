// The named presets of PROTOCOL §2: how a prompt's parts are joined, and the numbers that go with it.

import { InputError } from "../base/error.js";

export type PresetName = "default" | "paper" | "authors-main" | "authors-reproduce";

/** `whole`: the prompt is one text. The authors' two branches tokenise it in pieces, each in its own way. */
export type Joining = "whole" | "authors-main" | "authors-reproduce";

/** Which of the two distillation templates (§5.2 of the paper). */
export type DistillKind = "using" | "refer";

export interface PresetSampling {
  /** 0 takes the likeliest token. */
  readonly temperature: number;
  /** 0 keeps all. */
  readonly topK: number;
  /** 1 keeps all. */
  readonly topP: number;
}

export interface Preset {
  readonly name: PresetName;
  readonly joining: Joining;
  readonly distill: DistillKind;
  /** For distilling and for evaluating. */
  readonly sampling: PresetSampling;
  readonly maxNewTokens: number;
  /** Tokens of a training example. */
  readonly cutoff: number;
  readonly loraRank: number;
  readonly loraAlpha: number;
  readonly loraDropout: number;
}

const shared = { maxNewTokens: 512, cutoff: 1024, loraRank: 8, loraAlpha: 16, loraDropout: 0 } as const;
const greedy: PresetSampling = { temperature: 0, topK: 0, topP: 1 };
/** The defaults of the authors' framework; their scripts set nothing. */
const frameworkDefaults: PresetSampling = { temperature: 0.95, topK: 50, topP: 0.7 };

export const presets = {
  default: { ...shared, name: "default", joining: "whole", distill: "using", sampling: greedy },
  paper: {
    ...shared,
    name: "paper",
    joining: "whole",
    distill: "using",
    sampling: { temperature: 0.6, topK: 0, topP: 0.9 },
  },
  "authors-main": {
    ...shared,
    name: "authors-main",
    joining: "authors-main",
    distill: "refer",
    sampling: frameworkDefaults,
  },
  "authors-reproduce": {
    ...shared,
    name: "authors-reproduce",
    joining: "authors-reproduce",
    distill: "refer",
    sampling: frameworkDefaults,
    loraDropout: 0.1,
  },
} as const satisfies Record<PresetName, Preset>;

export const presetNames = Object.keys(presets) as readonly PresetName[];

export function isPresetName(name: string): name is PresetName {
  return Object.hasOwn(presets, name);
}

/** The preset of that name, or an error that lists the names. */
export function getPreset(name: string): Preset {
  if (!isPresetName(name)) {
    throw new InputError("unknown_preset", `Expected a preset (${presetNames.join(", ")}) but received "${name}".`);
  }
  return presets[name];
}
