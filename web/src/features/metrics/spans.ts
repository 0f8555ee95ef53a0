/** The classes of panels by how many of 12 columns they take; on a narrow window each takes the row. */
export const SPANS: Record<number, string> = {
  3: "col-span-12 min-w-0 lg:col-span-3",
  4: "col-span-12 min-w-0 lg:col-span-4",
  5: "col-span-12 min-w-0 lg:col-span-5",
  6: "col-span-12 min-w-0 lg:col-span-6",
  7: "col-span-12 min-w-0 lg:col-span-7",
  8: "col-span-12 min-w-0 lg:col-span-8",
  9: "col-span-12 min-w-0 lg:col-span-9",
  10: "col-span-12 min-w-0 lg:col-span-10",
  11: "col-span-12 min-w-0 lg:col-span-11",
  12: "col-span-12 min-w-0",
};
