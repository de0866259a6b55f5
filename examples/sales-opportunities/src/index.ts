export { type Loaded, type LoadOptions, loadSalesOpportunities, type Team } from "./load.ts";
export { printReport, readReport, type Report } from "./report.ts";
