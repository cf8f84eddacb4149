/**
 * What a person watches: the live table now; metrics, health and the dashboard come with later work.
 */
export { LiveRows } from './live-rows.ts';
export { formatBytes, type LiveRow, LiveScreen, printable, renderTable } from './live-table.ts';
