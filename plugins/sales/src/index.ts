export { salesPlugin } from "./plugin.ts";
export {
  loadSample,
  salesSample,
  sampleValues,
  type SampleContext,
  type SampleRecord,
  type SampleSet,
} from "./sample.ts";
