{
  'targets': [
    {
      'target_name': 'xenferry',
      'sources': ['module.cc', 'args.cc', 'fd.cc', 'fd-watch.cc', 'bitmap.cc', 'tables.cc', 'pages.cc', 'copy.cc', 'digest.cc', 'pfns.cc', 'prefault.cc',
                  'xen-call.cc', 'xen-map.cc', 'xen-held.cc', 'xen-types.cc', 'xen-populate.cc', 'xen-params.cc', 'xen-paging.cc', 'guest-tables.cc', 'pv-frames.cc', 'pv-tables.cc', 'standby/standby.cc'],
      'dependencies': ["<!(node -p \"require('node-addon-api').targets\"):node_addon_api_except"],
      'defines': ['NAPI_VERSION=8'],
      'cflags': ['-O3', '-Wall', '-Wextra', '-fvisibility=hidden'],
      'cflags_cc': ['-std=c++17'],
      'xcode_settings': {
        'CLANG_CXX_LANGUAGE_STANDARD': 'c++17',
        'GCC_OPTIMIZATION_LEVEL': '3',
        'GCC_SYMBOLS_PRIVATE_EXTERN': 'YES',
      },
    }
  ],
  'conditions': [
    ['OS=="linux"', {
      'targets': [
        {
          # No part of the addon: libxl starts it as a program.
          'target_name': 'xenferry-save-helper',
          'type': 'executable',
          'sources': ['standby/launcher.cc'],
          'cflags': ['-O2', '-Wall', '-Wextra'],
          'cflags_cc': ['-std=c++17'],
          # It shall start at once: no libstdc++ to be looked for.
          'ldflags': ['-static-libstdc++', '-static-libgcc'],
        },
      ],
    }],
  ],
}
