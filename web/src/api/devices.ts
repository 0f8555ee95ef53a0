/** What the console asks of GPUs and network functions. */

import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { call } from "./client";
import type { components } from "./schema.gen";

type Schemas = components["schemas"];

export type GpuNode = Schemas["GpuNode"];
export type Gpu = Schemas["Gpu"];
export type GpuProcess = Schemas["GpuProcess"];
export type GpuSummary = Schemas["GpuSummary"];
export type PtpClock = Schemas["PtpClock"];
export type SriovInterface = Schemas["SriovInterface"];
export type DpdkPort = Schemas["DpdkPort"];
export type CnfWorkload = Schemas["CnfWorkload"];

/** Answers of devices are kept by the hub for five seconds. */
const EVERY_MS = 10_000;

function devices<T>(path: string) {
  return (clusterIds: string[] | undefined, live: boolean) =>
    queryOptions({
      queryKey: [path, clusterIds],
      queryFn: ({ signal }) => call<T>(path, { query: { cluster_id: clusterIds }, signal }),
      refetchInterval: live ? EVERY_MS : false,
      placeholderData: keepPreviousData,
      retry: false,
    });
}

export const gpuSummary = devices<GpuSummary>("gpu/summary");
export const gpuNodes = devices<Schemas["GpuNodes"]>("gpu/nodes");
export const gpuProcesses = devices<Schemas["GpuProcesses"]>("gpu/processes");
export const ptpStatus = devices<Schemas["PtpStatus"]>("cnf/ptp/status");
export const sriovStatus = devices<Schemas["SriovStatus"]>("cnf/sriov/status");
export const dpdkStats = devices<Schemas["DpdkStats"]>("cnf/dpdk/stats");
export const cnfWorkloads = devices<Schemas["CnfWorkloads"]>("cnf/workloads");
