namespace EgressAgent.Linux.Interop.Uapi;

/// <summary>linux/netfilter/nf_tables.h: messages and attributes. Numbers in them are big endian.</summary>
internal static class NfTablesH
{
    internal const ushort NFT_MSG_GETTABLE = 1;
    internal const ushort NFT_MSG_GETCHAIN = 4;
    internal const ushort NFT_MSG_GETRULE = 7;
    internal const ushort NFT_MSG_GETSET = 10;
    internal const ushort NFT_MSG_NEWSETELEM = 12;
    internal const ushort NFT_MSG_GETSETELEM = 13;
    internal const ushort NFT_MSG_DELSETELEM = 14;
    internal const ushort NFT_MSG_NEWGEN = 15;
    internal const ushort NFT_MSG_GETGEN = 16;

    internal const ushort NFT_MSG_GETFLOWTABLE = 23;

    internal const ushort NFTA_FLOWTABLE_TABLE = 1;
    internal const ushort NFTA_FLOWTABLE_NAME = 2;
    internal const ushort NFTA_FLOWTABLE_HOOK = 3;
    internal const ushort NFTA_FLOWTABLE_HOOK_DEVS = 3;
    internal const ushort NFTA_DEVICE_NAME = 1;

    internal const ushort NFTA_GEN_ID = 1;
    internal const ushort NFTA_GEN_PROC_PID = 2;
    internal const ushort NFTA_GEN_PROC_NAME = 3;

    internal const ushort NFTA_SET_ELEM_LIST_TABLE = 1;
    internal const ushort NFTA_SET_ELEM_LIST_SET = 2;
    internal const ushort NFTA_SET_ELEM_LIST_ELEMENTS = 3;

    internal const ushort NFTA_LIST_ELEM = 1;

    internal const ushort NFTA_SET_ELEM_KEY = 1;
    internal const ushort NFTA_SET_ELEM_DATA = 2;
    internal const ushort NFTA_SET_ELEM_USERDATA = 6;

    internal const ushort NFTA_SET_ELEM_FLAGS = 3;
    internal const uint NFT_SET_ELEM_INTERVAL_END = 1;
    internal const uint NFT_SET_ELEM_CATCHALL = 2;

    internal const ushort NFTA_DATA_VALUE = 1;
    internal const ushort NFTA_DATA_VERDICT = 2;
    internal const ushort NFTA_VERDICT_CODE = 1;
    internal const ushort NFTA_VERDICT_CHAIN = 2;
    internal const int NFT_CONTINUE = -1;
    internal const int NFT_BREAK = -2;
    internal const int NFT_JUMP = -3;
    internal const int NFT_GOTO = -4;
    internal const int NFT_RETURN = -5;
    internal const int NF_DROP = 0;
    internal const int NF_ACCEPT = 1;
    internal const int NF_VERDICT_MASK = 0xff;

    internal const ushort NFTA_TABLE_NAME = 1;
    internal const ushort NFTA_TABLE_FLAGS = 2;
    internal const uint NFT_TABLE_F_DORMANT = 1;

    internal const ushort NFTA_CHAIN_TABLE = 1;
    internal const ushort NFTA_CHAIN_NAME = 3;
    internal const ushort NFTA_CHAIN_HOOK = 4;
    internal const ushort NFTA_CHAIN_POLICY = 5;
    internal const ushort NFTA_CHAIN_TYPE = 7;
    internal const ushort NFTA_HOOK_HOOKNUM = 1;
    internal const ushort NFTA_HOOK_PRIORITY = 2;

    internal const ushort NFTA_RULE_TABLE = 1;
    internal const ushort NFTA_RULE_CHAIN = 2;
    internal const ushort NFTA_RULE_EXPRESSIONS = 4;
    internal const ushort NFTA_EXPR_NAME = 1;
    internal const ushort NFTA_EXPR_DATA = 2;

    internal const ushort NFTA_SET_TABLE = 1;
    internal const ushort NFTA_SET_NAME = 2;
    internal const ushort NFTA_SET_FLAGS = 3;
    internal const uint NFT_SET_INTERVAL = 4;
    internal const uint NFT_SET_TIMEOUT = 0x10;
    internal const uint NFT_SET_EVAL = 0x20;
    internal const uint NFT_SET_CONCAT = 0x80;

    // Of expressions. DREG and SREG of most that load and compare are 1.
    internal const ushort NFTA_META_DREG = 1;
    internal const ushort NFTA_META_KEY = 2;
    internal const uint NFT_META_PROTOCOL = 1;
    internal const uint NFT_META_MARK = 3;
    internal const uint NFT_META_IIFNAME = 6;
    internal const uint NFT_META_OIFNAME = 7;
    internal const uint NFT_META_NFPROTO = 15;
    internal const uint NFT_META_L4PROTO = 16;
    internal const ushort NFTA_CT_DREG = 1;
    internal const ushort NFTA_CT_KEY = 2;
    internal const uint NFT_CT_STATE = 0;
    internal const uint NFT_CT_STATUS = 2;
    internal const ushort NFTA_CMP_SREG = 1;
    internal const ushort NFTA_CMP_OP = 2;
    internal const ushort NFTA_CMP_DATA = 3;
    internal const uint NFT_CMP_EQ = 0;
    internal const uint NFT_CMP_NEQ = 1;
    internal const uint NFT_CMP_LT = 2;
    internal const uint NFT_CMP_LTE = 3;
    internal const uint NFT_CMP_GT = 4;
    internal const uint NFT_CMP_GTE = 5;
    internal const ushort NFTA_RANGE_FROM_DATA = 3;
    internal const ushort NFTA_RANGE_TO_DATA = 4;
    internal const ushort NFTA_PAYLOAD_DREG = 1;
    internal const ushort NFTA_PAYLOAD_BASE = 2;
    internal const ushort NFTA_PAYLOAD_OFFSET = 3;
    internal const ushort NFTA_PAYLOAD_LEN = 4;
    internal const uint NFT_PAYLOAD_NETWORK_HEADER = 1;
    internal const uint NFT_PAYLOAD_TRANSPORT_HEADER = 2;
    internal const ushort NFTA_BITWISE_SREG = 1;
    internal const ushort NFTA_BITWISE_DREG = 2;
    internal const ushort NFTA_BITWISE_LEN = 3;
    internal const ushort NFTA_BITWISE_MASK = 4;
    internal const ushort NFTA_BITWISE_XOR = 5;
    internal const ushort NFTA_BITWISE_OP = 6;
    internal const ushort NFTA_LOOKUP_SET = 1;
    internal const ushort NFTA_LOOKUP_SREG = 2;
    internal const ushort NFTA_LOOKUP_DREG = 3;
    internal const ushort NFTA_LOOKUP_FLAGS = 5;
    internal const uint NFT_LOOKUP_F_INV = 1;
    internal const ushort NFTA_IMMEDIATE_DREG = 1;
    internal const ushort NFTA_IMMEDIATE_DATA = 2;
    internal const ushort NFTA_FIB_DREG = 1;
    internal const ushort NFTA_FIB_RESULT = 2;
    internal const ushort NFTA_FIB_FLAGS = 3;
    internal const uint NFT_FIB_RESULT_ADDRTYPE = 3;
    internal const uint NFTA_FIB_F_DADDR = 2;
    internal const ushort NFTA_XT_NAME = 1;
    internal const ushort NFTA_XT_REV = 2;
    internal const ushort NFTA_XT_INFO = 3;

    internal const uint NFT_REG_VERDICT = 0;
    internal const uint NFT_REG_4 = 4;
    internal const uint NFT_REG32_00 = 8;
    internal const uint NFT_REG32_15 = 23;

    /// <summary>NFT_USERDATA_MAXLEN.</summary>
    internal const int NFT_USERDATA_MAXLEN = 256;

    /// <summary>libnftnl/udata.h: the comment of an element, a byte of type and a byte of length before it.</summary>
    internal const byte NFTNL_UDATA_SET_ELEM_COMMENT = 0;
}
