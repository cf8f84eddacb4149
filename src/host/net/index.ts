/** The network, by `ws` and Node: apart from the rest of `host/`, for only the ear's thread has a use for what it loads. */
export { nodeDialer, nodeHttp } from './net.ts';
